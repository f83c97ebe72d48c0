"""The command `craftkit`: parses arguments, calls one use case and prints its result as JSON."""
