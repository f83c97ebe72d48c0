"""Batches: many documents from one template, requested together and rendered in chunks."""
