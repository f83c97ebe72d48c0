"""Renders: asked for, queued, rendered, kept. Every one ends as succeeded, failed or cancelled."""
