"""Scripts that write generated pages, data files and screenshots, and scan the code."""
