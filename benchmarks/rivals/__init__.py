"""Other programs that render the same invoice. Each runs in its own virtual environment.

It reads an invoice's data as a line of JSON, makes the PDF, and answers with a line of JSON: how
many milliseconds that took, and how large the PDF is.
"""
