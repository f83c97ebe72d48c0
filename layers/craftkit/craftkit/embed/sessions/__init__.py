"""Embed sessions: create, refresh, revoke, list."""
