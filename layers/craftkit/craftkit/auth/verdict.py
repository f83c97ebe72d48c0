"""What can be found out about a caller. Why a key is no good is its owner's to ask."""

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
