"""Chaos tests: the real functions in a simulated stack in memory, with faults drawn from a seed."""
