"""Build, release, deploy, accept and prune: what turns the sources into a stage on AWS."""
