"""Builds, releases, deploys and accepts a stage on AWS, and prunes old versions."""
