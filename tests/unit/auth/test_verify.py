"""The verdict for each header, and the number of reads."""

from datetime import timedelta

import pytest

from craftkit.auth import api_key
from craftkit.auth.lookup import KeyRecord
from craftkit.auth.principal import SCOPES, Principal
from craftkit.auth.verify import Verdict, Verification, verify
from craftkit.clock import to_rfc3339
from testkit.clock import NOON

PRINCIPAL = Principal("project", "key", "live", frozenset(SCOPES))


class Records:
    """A keys table of one record, which counts its reads."""

    def __init__(self, **fields: str | None) -> None:
        self.reads = 0
        self.key = api_key.mint("live", "local")
        record = {"expires_at": None, "revoked_at": None} | fields
        self.record = KeyRecord(PRINCIPAL, api_key.prefix_of(self.key), **record)

    def __call__(self, key_hash: str) -> KeyRecord | None:
        self.reads += 1
        return self.record if key_hash == api_key.hash_of(self.key) else None


def verify_header(header: str | None, records: Records) -> Verification:
    return verify(header, stage="local", lookup=records, now=NOON)


def test_verify__a_valid_key_is_allowed_with_one_read() -> None:
    records = Records()
    verification = verify_header(f"Bearer {records.key}", records)
    assert verification.verdict is Verdict.ALLOWED
    assert verification.record and verification.record.principal == PRINCIPAL
    assert records.reads == 1


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer ", "Bearer  "])
def test_verify__scheme_case_and_spaces_do_not_matter(scheme: str) -> None:
    records = Records()
    assert verify_header(f"{scheme} {records.key}", records).verdict is Verdict.ALLOWED


@pytest.mark.parametrize(
    "header", [None, "", "Basic dXNlcjpwYXNz", "Bearer", "Bearer ", "Bearer   ", "Token abc"]
)
def test_verify__other_schemes_are_missing_without_a_read(header: str | None) -> None:
    records = Records()
    assert verify_header(header, records).verdict is Verdict.MISSING
    assert records.reads == 0


@pytest.mark.parametrize(
    "text", ["nope", "x" * 10_000, "ck_live_" + "ü" * 38, "ck_live_" + "0" * 38, "a b"]
)
def test_verify__a_malformed_key_needs_no_read(text: str) -> None:
    records = Records()
    assert verify_header(f"Bearer {text}", records).verdict is Verdict.MALFORMED
    assert records.reads == 0


def test_verify__a_key_of_another_stage_is_named_without_a_read() -> None:
    records = Records()
    verification = verify_header(f"Bearer {api_key.mint('live', 'prod')}", records)
    assert verification == Verification(Verdict.WRONG_ENVIRONMENT, stage="prod")
    assert records.reads == 0


def test_verify__an_unknown_key_is_unknown_after_one_read() -> None:
    records = Records()
    assert (
        verify_header(f"Bearer {api_key.mint('live', 'local')}", records).verdict is Verdict.UNKNOWN
    )
    assert records.reads == 1


def test_verify__a_revoked_key_is_refused() -> None:
    records = Records(revoked_at=to_rfc3339(NOON - timedelta(seconds=1)))
    assert verify_header(f"Bearer {records.key}", records).verdict is Verdict.REVOKED


@pytest.mark.parametrize(
    ("until_expiry", "verdict"),
    [(timedelta(milliseconds=1), Verdict.ALLOWED), (timedelta(0), Verdict.EXPIRED)],
)
def test_verify__expires_at_its_time(until_expiry: timedelta, verdict: Verdict) -> None:
    records = Records(expires_at=to_rfc3339(NOON + until_expiry))
    assert verify_header(f"Bearer {records.key}", records).verdict is verdict
