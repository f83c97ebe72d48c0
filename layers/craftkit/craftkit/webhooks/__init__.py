"""Outgoing webhooks: endpoints, the deliveries to them, and every attempt of each."""
