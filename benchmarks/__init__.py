"""Benchmarks. A module with a `measure` function is part of `make bench`."""
