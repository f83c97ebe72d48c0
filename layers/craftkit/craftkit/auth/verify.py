"""Verifies an `Authorization` header. Cheap checks run before expensive ones."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from craftkit.auth import api_key
from craftkit.auth.lookup import KeyRecord, Lookup
from craftkit.clock import to_rfc3339

_LONGEST_KEY = 64
"""Longer than any key, so that a longer text is refused without a regular expression."""


class Verdict(StrEnum):
    """The outcome of verifying an `Authorization` header; its value is the metric's dimension."""

    ALLOWED = "allowed"
    MISSING = "missing"
    MALFORMED = "malformed"
    WRONG_ENVIRONMENT = "wrong_environment"
    UNKNOWN = "unknown"
    REVOKED = "revoked"
    EXPIRED = "expired"
    NETWORK_NOT_ALLOWED = "network_not_allowed"


@dataclass(frozen=True)
class Verification:
    """A verdict, the key's record if one was read, and the stage of a key from another stage."""

    verdict: Verdict
    record: KeyRecord | None = None
    stage: str | None = None


def bearer_of(header: str | None) -> str | None:
    """The token of a `Bearer` header, or None where the header is absent or something else.

    The scheme's case and the number of spaces are free, as RFC 9110 has them.
    """
    scheme, _, rest = (header or "").partition(" ")
    return rest.strip(" ") or None if scheme.lower() == "bearer" else None


def verify(
    header: str | None, *, stage: str, lookup: Lookup, now: datetime, address: str | None = None
) -> Verification:
    """Verify the header of one request. Makes one lookup at most, and none for a malformed key.

    Args:
        address: the caller's, as the gateway saw it.

    Raises:
        TableUnavailableError: the lookup failed. This must not be answered as an unknown key.
    """
    key = bearer_of(header)
    if key is None:
        return Verification(Verdict.MISSING)
    verification = verify_key(key, stage=stage, lookup=lookup, now=now)
    record = verification.record
    if verification.verdict is Verdict.ALLOWED and record and record.networks:
        from craftkit.auth import networks  # keys without networks do not pay for the import

        if not networks.contains(record.networks, address):
            return Verification(Verdict.NETWORK_NOT_ALLOWED, record)
    return verification


def verify_key(key: str, *, stage: str, lookup: Lookup, now: datetime) -> Verification:
    """Verify the key itself, as `verify` does. `craftkit keys diagnose` uses it too."""
    minted_in = api_key.stage_of(key) if len(key) <= _LONGEST_KEY else None
    if minted_in is None:
        return Verification(Verdict.MALFORMED)
    if minted_in != stage:
        return Verification(Verdict.WRONG_ENVIRONMENT, stage=minted_in)
    record = lookup(api_key.hash_of(key))
    if record is None:
        return Verification(Verdict.UNKNOWN)
    if record.revoked_at is not None:
        return Verification(Verdict.REVOKED, record)
    if record.expires_at is not None and record.expires_at <= to_rfc3339(now):
        return Verification(Verdict.EXPIRED, record)
    return Verification(Verdict.ALLOWED, record)
