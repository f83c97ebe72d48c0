"""The official schemas and Schematron rules of electronic invoices, and the reader of files.

The parts are imported one by one: `validation` loads Saxon, which takes a second.
"""
