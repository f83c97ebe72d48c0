"""Workload identity federation: a foreign OIDC token is exchanged for a short-lived API key."""
