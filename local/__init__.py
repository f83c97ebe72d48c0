"""The local stack: the embedded AWS, the build, the deploy, one front on one port, and a seed."""
