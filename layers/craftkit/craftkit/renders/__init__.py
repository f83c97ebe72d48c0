"""Renders: created, queued and rendered. Each ends as succeeded, failed or cancelled."""
