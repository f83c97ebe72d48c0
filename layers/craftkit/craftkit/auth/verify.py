"""Verifies an `Authorization` header. Cheap checks run before expensive ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from craftkit.auth import api_key
from craftkit.auth.lookup import KeyRecord, Lookup
from craftkit.clock import to_rfc3339

if TYPE_CHECKING:
    from craftkit.auth.dpop import Proof

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
    INVALID_PROOF = "invalid_proof"
    REPLAYED_PROOF = "replayed_proof"


@dataclass(frozen=True)
class Verification:
    """A verdict, the key's record if one was read, and the stage of a key from another stage."""

    verdict: Verdict
    record: KeyRecord | None = None
    stage: str | None = None


@dataclass(frozen=True)
class ProvenRequest:
    """The method and URL that a DPoP proof must match, and the request's `DPoP` headers."""

    method: str
    url: str
    proofs: tuple[str, ...]


def credentials_of(header: str | None) -> tuple[str, str | None]:
    """The scheme in lower case, and the key; None for another scheme or no key.

    Upper and lower case of the scheme, and the number of spaces, do not matter (RFC 9110).
    """
    scheme, _, rest = (header or "").partition(" ")
    scheme = scheme.lower()
    return scheme, rest.strip(" ") or None if scheme in ("bearer", "dpop") else None


def bearer_of(header: str | None) -> str | None:
    """The token of a `Bearer` header, or None for another scheme or no header."""
    scheme, token = credentials_of(header)
    return token if scheme == "bearer" else None


def verify(
    header: str | None,
    *,
    stage: str,
    lookup: Lookup,
    now: datetime,
    address: str | None = None,
    request: ProvenRequest | None = None,
    is_first_use: Callable[[Proof], bool] | None = None,
) -> Verification:
    """Verify the header of one request. Makes one lookup at most.

    There is no lookup for a malformed key and for an invalid proof. The proof of a bound key is
    recorded as used by `is_first_use`, last of all checks.

    Args:
        address: the caller's IP address, from API Gateway.

    Raises:
        TableUnavailableError: the lookup failed. The response must not be that of an unknown key.
    """
    scheme, key = credentials_of(header)
    if key is None:
        return Verification(Verdict.MISSING)
    proof = None
    if scheme == "dpop":
        if refusal := _refuse_form(key, stage):
            return refusal
        proof = _proof_of(key, request, now)
        if proof is None:
            return Verification(Verdict.INVALID_PROOF)
    verification = verify_key(key, stage=stage, lookup=lookup, now=now)
    record = verification.record
    if verification.verdict is not Verdict.ALLOWED or record is None:
        return verification
    if record.bound_to != (proof.thumbprint if proof else None):
        return Verification(Verdict.INVALID_PROOF, record)
    if record.networks:
        from craftkit.auth import networks  # keys without networks do not pay for the import

        if not networks.contains(record.networks, address):
            return Verification(Verdict.NETWORK_NOT_ALLOWED, record)
    if proof and not (is_first_use and is_first_use(proof)):
        return Verification(Verdict.REPLAYED_PROOF, record)
    return verification


def _proof_of(key: str, request: ProvenRequest | None, now: datetime) -> Proof | None:
    """The request's valid proof for this key; None without one, or with more than one."""
    if request is None or len(request.proofs) != 1:
        return None
    from craftkit.auth import dpop  # calls without a proof do not pay for the import

    try:
        return dpop.verify(
            request.proofs[0],
            method=request.method,
            url=request.url,
            now=now,
            access_token=key,
        )
    except dpop.InvalidProofError:
        return None


def verify_key(key: str, *, stage: str, lookup: Lookup, now: datetime) -> Verification:
    """Verify the key itself, as `verify` does. `craftkit keys diagnose` uses it too."""
    if refusal := _refuse_form(key, stage):
        return refusal
    record = lookup(api_key.hash_of(key))
    if record is None:
        return Verification(Verdict.UNKNOWN)
    if record.revoked_at is not None:
        return Verification(Verdict.REVOKED, record)
    if record.expires_at is not None and record.expires_at <= to_rfc3339(now):
        return Verification(Verdict.EXPIRED, record)
    return Verification(Verdict.ALLOWED, record)


def _refuse_form(key: str, stage: str) -> Verification | None:
    """A refusal of what cannot be a key of this stage, by its form and checksum alone."""
    minted_in = api_key.stage_of(key) if len(key) <= _LONGEST_KEY else None
    if minted_in is None:
        return Verification(Verdict.MALFORMED)
    if minted_in != stage:
        return Verification(Verdict.WRONG_ENVIRONMENT, stage=minted_in)
    return None
