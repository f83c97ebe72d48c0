"""Inbound hooks: a third party renders a template with a token instead of an API key."""
