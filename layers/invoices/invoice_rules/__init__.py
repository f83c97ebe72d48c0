"""The official schemas and Schematron rules of electronic invoices, and the reader of files.

Only `functions/validate_invoice` carries this layer.
"""

from invoice_rules.reading import UnreadableInvoiceError, read_invoice
from invoice_rules.validation import Failure, Verdict, validate, warm

__all__ = ["Failure", "UnreadableInvoiceError", "Verdict", "read_invoice", "validate", "warm"]
