"""Reports in the form of GitHub's secret scanning partner program.

The raw body is signed (ECDSA on P-256 with SHA-256), and a header names the key; `scanner_keys`
holds the public keys. The response says for each token, by its SHA-256, whether it was a real key.

https://docs.github.com/code-security/secret-scanning/secret-scanning-partner-program
"""

import base64
import binascii
import json
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import TypeAdapter, ValidationError

from craftkit.auth import api_key
from craftkit.errors import (
    InvalidJsonError,
    InvalidRequestError,
    InvalidSignatureError,
    Issues,
)
from craftkit.keys import exposure
from craftkit.keys.models import Exposure
from craftkit.keys.report_forwarding import IDENTIFIER_HEADER, SIGNATURE_HEADER
from craftkit.keys.scanner_keys import ScannerKeys
from craftkit.observability import count

REPORTS_LIMIT = 10_000

_LABELS = {"handled": "true_positive", "ended": "true_positive", "unknown": "false_positive"}
_REPORTS = TypeAdapter(list[Exposure])


def receive(body: bytes, headers: Mapping[str, str], *, keys: ScannerKeys) -> list[dict[str, str]]:
    """Act on a signed report, and return the findings in the format of GitHub's partner program.

    A report that is sent again changes nothing: keys are revoked, and events sent, once.

    Args:
        headers: by lower-case name.

    Raises:
        InvalidSignatureError: not signed by a key of the partner.
        ScannerKeysUnavailableError: the key cannot be looked up now.
        InvalidJsonError, InvalidRequestError: signed, but not a list of reports.
    """
    _verify(body, headers, keys)
    reports = _reports_of(body)
    findings = exposure.report_exposed(reports, by="secret scanning")
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
        raise InvalidSignatureError(
            f"{IDENTIFIER_HEADER} names no key of the secret scanning partner."
        )
    try:
        signature = base64.b64decode(headers.get(SIGNATURE_HEADER, ""), validate=True)
        key.verify(signature, body, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise InvalidSignatureError(
            "The signature of the report does not match its body."
        ) from error


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
        message = f"The report names {len(found)} tokens; the maximum is {REPORTS_LIMIT}."
        raise InvalidRequestError(message)
    return found
