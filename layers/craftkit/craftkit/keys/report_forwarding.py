"""Forwards a signed report from the public route to the function that may act on it.

The route's role cannot read or write keys. It forwards the report unchanged with its signature,
and the function behind it trusts only the signature: the right to invoke it gives no power.
"""

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config as ClientConfig

from craftkit.config import config
from craftkit.errors import (
    CraftkitError,
    InvalidJsonError,
    InvalidRequestError,
    InvalidSignatureError,
    ScannerKeysUnavailableError,
)
from craftkit.process_cache import process_cache

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

IDENTIFIER_HEADER = "github-public-key-identifier"
SIGNATURE_HEADER = "github-public-key-signature"

_REFUSALS: tuple[type[CraftkitError], ...] = (
    InvalidSignatureError,
    InvalidJsonError,
    InvalidRequestError,
)


def forward_report(body: bytes, headers: Mapping[str, str]) -> list[dict[str, str]]:
    """Forward a report, and return the findings in the format of GitHub's partner program.

    Raises:
        InvalidSignatureError, InvalidJsonError, InvalidRequestError, ScannerKeysUnavailableError:
            as `secret_scanning.receive`.
    """
    signed = {name: headers.get(name, "") for name in (IDENTIFIER_HEADER, SIGNATURE_HEADER)}
    if not all(signed.values()):
        raise InvalidSignatureError(
            f"Send the signature of the raw body in {SIGNATURE_HEADER}, and the identifier of its "
            f"key in {IDENTIFIER_HEADER}."
        )
    request = {"body": b64encode(body).decode(), "headers": signed}
    response = _client().invoke(
        FunctionName=config.revoke_exposed_keys_function, Payload=json.dumps(request)
    )
    answer: dict[str, Any] = json.loads(response["Payload"].read())
    if "FunctionError" in response:
        raise RuntimeError("the function that revokes exposed keys failed: see its log")
    if answer.get("refused") == ScannerKeysUnavailableError.code:
        raise ScannerKeysUnavailableError(retry_seconds=int(answer["retryAfter"]))
    for refusal in _REFUSALS:
        if answer.get("refused") == refusal.code:
            raise refusal(message=answer["message"])
    findings: list[dict[str, str]] = answer["findings"]
    return findings


@process_cache
def _client() -> "LambdaClient":
    # One attempt: the scanners send a failed report again.
    return boto3.client(
        "lambda",
        config=ClientConfig(connect_timeout=1, read_timeout=27, retries={"total_max_attempts": 1}),
    )
