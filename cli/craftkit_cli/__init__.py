"""The operator's door to the use cases: one command, one JSON document."""
