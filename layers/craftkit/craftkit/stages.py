"""The environments there can be. A key, a token or a cookie of one is refused by the others."""

STAGES = ("local", "dev", "staging", "prod")
