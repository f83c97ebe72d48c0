"""The local stack: embedded AWS, build, deployment, proxy, and demo data."""
