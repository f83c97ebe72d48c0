"""What is measured, and how. A module here with a `measure` function is part of `make bench`."""
