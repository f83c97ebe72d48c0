"""From an `Authorization` header to a verdict, cheap checks before dear ones."""

from dataclasses import dataclass
from datetime import datetime

from craftkit.auth import token
from craftkit.auth.lookup import KeyRecord, Lookup
from craftkit.auth.verdict import Verdict
from craftkit.clock import to_rfc3339

_LONGEST_KEY = 64
"""Longer than any key: what exceeds it is not worth a regular expression."""


@dataclass(frozen=True)
class Verification:
    """A verdict, and what was found on the way to it. `stage` is set for a foreign key."""

    verdict: Verdict
    record: KeyRecord | None = None
    stage: str | None = None


def bearer_of(header: str | None) -> str | None:
    """The token of a `Bearer` header, or None where the header is absent or something else.

    The scheme's case and the number of spaces are free, as RFC 9110 has them.
    """
    scheme, _, rest = (header or "").partition(" ")
    return rest.strip(" ") or None if scheme.lower() == "bearer" else None


def verify(header: str | None, *, stage: str, lookup: Lookup, now: datetime) -> Verification:
    """Judge the header of one request. At most one lookup, and none for what cannot be a key.

    Raises:
        TableUnavailableError: from the lookup; the caller must not be called unknown for it.
    """
    key = bearer_of(header)
    if key is None:
        return Verification(Verdict.MISSING)
    return verify_key(key, stage=stage, lookup=lookup, now=now)


def verify_key(key: str, *, stage: str, lookup: Lookup, now: datetime) -> Verification:
    """Judge a key itself, as `verify` does; the diagnosis in the CLI asks here too."""
    minted_in = token.stage_of(key) if len(key) <= _LONGEST_KEY else None
    if minted_in is None:
        return Verification(Verdict.MALFORMED)
    if minted_in != stage:
        return Verification(Verdict.WRONG_ENVIRONMENT, stage=minted_in)
    record = lookup(token.hash_of(key))
    if record is None:
        return Verification(Verdict.UNKNOWN)
    if record.revoked_at is not None:
        return Verification(Verdict.REVOKED, record)
    if record.expires_at is not None and record.expires_at <= to_rfc3339(now):
        return Verification(Verdict.EXPIRED, record)
    return Verification(Verdict.ALLOWED, record)
