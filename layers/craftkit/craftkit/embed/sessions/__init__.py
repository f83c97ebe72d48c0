"""Embed sessions: minted, renewed, revoked, listed."""
