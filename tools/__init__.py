"""How the data that the typesetting layer carries was made. Run by hand, when a source changes."""
