"""The answer of a validation, as callers see it."""

from craftkit.schema import ApiModel


class InvoiceIssue(ApiModel):
    """A broken rule. `path` is an XPath of local names with positions."""

    rule: str
    path: str
    message: str


class VerdictView(ApiModel):
    """What an invoice is, and every rule of its standard that it breaks."""

    valid: bool
    standard: str | None
    profile: str | None
    issues: list[InvoiceIssue]
