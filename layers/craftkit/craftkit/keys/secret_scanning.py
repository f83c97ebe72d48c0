"""Reports in the form of GitHub's secret scanning partner programme.

The programme signs the raw body (ECDSA on P-256 with SHA-256) and names the key it used; its keys
are in a public list. The answer may say of each token whether it was real, so that its scanners
learn; we name tokens by their SHA-256 alone.

https://docs.github.com/code-security/secret-scanning/secret-scanning-partner-program
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pydantic import TypeAdapter, ValidationError

from craftkit import network
from craftkit.auth import api_key
from craftkit.clock import Clock, utc_now
from craftkit.config import config
from craftkit.errors import (
    InvalidJsonError,
    InvalidRequestError,
    InvalidSignatureError,
    Issues,
)
from craftkit.keys import exposure
from craftkit.keys.models import Exposure
from craftkit.keys.report_forwarding import IDENTIFIER_HEADER, SIGNATURE_HEADER
from craftkit.observability import count, logger

REPORTS_LIMIT = 10_000

_KEYS_KEPT_FOR = timedelta(hours=24)
_ASKED_AGAIN_AFTER = timedelta(minutes=1)
_LABELS = {"handled": "true_positive", "ended": "true_positive", "unknown": "false_positive"}
_REPORTS = TypeAdapter(list[Exposure])
_POLICY = network.Policy(
    schemes=frozenset({"https"}), max_bytes=256 * 1024, deadline_seconds=5, redirects=0
)

Keys = Mapping[str, ec.EllipticCurvePublicKey]


def fetch_keys() -> bytes:
    """The programme's list of public keys, as JSON."""
    answer = network.fetch(config.scanner_keys_url, _POLICY, headers={"Accept": "application/json"})
    if answer.status != 200:
        raise network.FetchError(f"the list of keys answered {answer.status}")
    return answer.body


@dataclass
class ScannerKeys:
    """The programme's keys, by identifier. Asked for anew when one is unknown, once a minute."""

    fetch: Callable[[], bytes] = fetch_keys
    clock: Clock = utc_now
    _keys: Keys | None = None
    _fetched_at: datetime | None = None
    _asked_at: datetime | None = None

    def get(self, identifier: str) -> ec.EllipticCurvePublicKey | None:
        now = self.clock()
        is_old = self._fetched_at is None or now - self._fetched_at > _KEYS_KEPT_FOR
        if is_old or identifier not in (self._keys or {}):
            self._renew(now)
        return (self._keys or {}).get(identifier)

    def _renew(self, now: datetime) -> None:
        if self._asked_at is not None and now - self._asked_at < _ASKED_AGAIN_AFTER:
            return
        self._asked_at = now
        try:
            self._keys = _keys_of(self.fetch())
        except (network.FetchError, ValueError, KeyError, TypeError):
            logger.exception("the scanning programme's keys cannot be read")
            return  # what we have is better than nothing
        self._fetched_at = now


def receive(
    body: bytes, headers: Mapping[str, str], *, keys: ScannerKeys, clock: Clock = utc_now
) -> list[dict[str, str]]:
    """Act on a signed report, and answer it in the programme's format.

    A report that comes twice, or is replayed, does nothing more: keys are revoked and told of once.

    Args:
        headers: by lower-case name.

    Raises:
        InvalidSignatureError: not signed by a key of the programme.
        InvalidJsonError, InvalidRequestError: signed, but not a list of reports.
    """
    _verify(body, headers, keys)
    reports = _reports_of(body)
    findings = exposure.report_exposed(reports, by="secret scanning", clock=clock)
    for finding in findings:
        count("KeyExposed", finding=finding)
    return [
        {
            "token_hash": api_key.hash_of(report.token),
            "token_type": report.type,
            "label": _LABELS[finding],
        }
        for report, finding in zip(reports, findings, strict=True)
        if finding in _LABELS
    ]


def _verify(body: bytes, headers: Mapping[str, str], keys: ScannerKeys) -> None:
    identifier = headers.get(IDENTIFIER_HEADER)
    key = keys.get(identifier) if identifier else None
    if key is None:
        raise InvalidSignatureError("The report is not signed by a key of the programme.")
    try:
        signature = base64.b64decode(headers.get(SIGNATURE_HEADER, ""), validate=True)
        key.verify(signature, body, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise InvalidSignatureError("The report's signature does not fit.") from error


def _reports_of(body: bytes) -> list[Exposure]:
    try:
        reports = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidJsonError from error
    try:
        found = _REPORTS.validate_python(reports)
    except ValidationError as error:
        issues = Issues(form_errors=["The body is a list of objects with a token, type and url."])
        raise InvalidRequestError(issues=issues) from error
    if len(found) > REPORTS_LIMIT:
        message = f"One report may name {REPORTS_LIMIT} tokens."
        raise InvalidRequestError(message)
    return found


def _keys_of(text: bytes) -> Keys:
    keys: dict[str, Any] = {}
    for entry in json.loads(text)["public_keys"]:
        key = load_pem_public_key(entry["key"].encode())
        if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp256r1":
            keys[str(entry["key_identifier"])] = key
    return keys
