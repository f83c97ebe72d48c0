"""Seals: what a caller asks for, the stage's certificates, and the signing key."""
