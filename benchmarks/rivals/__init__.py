"""Other ways to the same invoice. Each program runs in an environment of its own.

It reads an invoice's data as a line of JSON, makes the PDF, and answers with a line of JSON: how
many milliseconds that took, and how large the PDF is.
"""
