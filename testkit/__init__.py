"""Code that tests, benchmarks and tools share. Fakes implement the real interface."""
