"""What can be found out about a caller, and how each finding is answered."""

from enum import StrEnum


class Verdict(StrEnum):
    """The outcome of verifying an `Authorization` header; its value is the metric's dimension."""

    ALLOWED = "allowed"
    MISSING = "missing"
    MALFORMED = "malformed"
    WRONG_ENVIRONMENT = "wrong_environment"
    UNKNOWN = "unknown"
    REVOKED = "revoked"
    EXPIRED = "expired"


PUBLIC_CODE = {
    Verdict.MISSING: "missing_authorization",
    Verdict.MALFORMED: "invalid_credentials",
    Verdict.WRONG_ENVIRONMENT: "invalid_credentials",
    Verdict.UNKNOWN: "invalid_credentials",
    Verdict.REVOKED: "invalid_credentials",
    Verdict.EXPIRED: "invalid_credentials",
}
"""What a caller is told of each refusal. Why a key is no good is its owner's to ask."""
