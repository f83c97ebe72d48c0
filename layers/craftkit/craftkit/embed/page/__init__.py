"""The embedded page: its HTML, its assets, and the requests of its script."""
