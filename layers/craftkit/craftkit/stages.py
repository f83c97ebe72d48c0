"""The names of the stages. A key, token or cookie of one stage is refused by the others."""

STAGES = ("local", "dev", "staging", "prod")
