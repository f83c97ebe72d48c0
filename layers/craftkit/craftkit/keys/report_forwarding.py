"""A signed report on its way from the public route to what may act on it.

The route's own role can touch no key. It hands the report over as it came, signature and all, and
the other side trusts nothing but the signature: to invoke it is no power in itself.
"""

import json
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config as ClientConfig

from craftkit.config import config
from craftkit.errors import (
    CraftkitError,
    InvalidJsonError,
    InvalidRequestError,
    InvalidSignatureError,
)

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
    """Have a report acted on, and return the answer in the programme's format.

    Raises:
        InvalidSignatureError, InvalidJsonError, InvalidRequestError: as `programme.receive`.
    """
    signed = {name: headers.get(name, "") for name in (IDENTIFIER_HEADER, SIGNATURE_HEADER)}
    if not all(signed.values()):
        raise InvalidSignatureError("Sign the report as the scanning programme does.")
    request = {"body": b64encode(body).decode(), "headers": signed}
    response = _client().invoke(
        FunctionName=config.revoke_exposed_keys_function, Payload=json.dumps(request)
    )
    answer: dict[str, Any] = json.loads(response["Payload"].read())
    if "FunctionError" in response:
        raise RuntimeError("the function that retires exposed keys failed: see its log")
    for refusal in _REFUSALS:
        if answer.get("refused") == refusal.code:
            raise refusal(answer["message"])
    findings: list[dict[str, str]] = answer["findings"]
    return findings


@cache
def _client() -> "LambdaClient":
    # Once: the scanners send a report again, and a second at the same time gains nothing.
    return boto3.client(
        "lambda",
        config=ClientConfig(connect_timeout=1, read_timeout=27, retries={"total_max_attempts": 1}),
    )
