"""Usage: what was rendered, counted once for each render."""
