"""The embedded page: its HTML, its files, and what its script asks for."""
