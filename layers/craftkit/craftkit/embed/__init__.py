"""Embed: partners put our pages into their own product, for their tenants' users."""
