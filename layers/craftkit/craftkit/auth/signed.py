"""Signed calls to DynamoDB with the standard library, for the sake of a quick cold start.

boto3 would take most of it, and botocore's signer with urllib3 still half: see
docs/decisions/authorizer-reads.md.
"""

import json
import random
import time
from http.client import HTTPException
from typing import Any

from craftkit.auth import signature, wire
from craftkit.clock import utc_now
from craftkit.config import config

_ATTEMPTS = 3
_BACKOFF_SECONDS = 0.05


class TableUnavailableError(Exception):
    """DynamoDB did not answer, or refused for a reason that is not the caller's."""


class RefusedWriteError(Exception):
    """A condition of a write did not hold; nothing was written."""


def prepare() -> None:
    """Load what a first call would, before a snapshot is taken: no restore then waits for it."""
    signature.credential_chain()
    wire.authorities()


def call_dynamodb(
    operation: str,
    payload: dict[str, Any],
    *,
    attempts: int = _ATTEMPTS,
    connect_seconds: float = 1.0,
    read_seconds: float = 2.0,
) -> dict[str, Any]:
    """One DynamoDB operation, in its low-level JSON form.

    What may pass (no connection, throttling, a 5xx) is tried three times within some six seconds.

    Raises:
        TableUnavailableError: none of them got an answer.
        RefusedWriteError: a write's condition did not hold.
    """
    body = json.dumps(payload).encode()
    failure = "no attempt was made"
    for attempt in range(attempts):
        if attempt:
            time.sleep(random.uniform(0, _BACKOFF_SECONDS * 2**attempt))  # noqa: S311 jitter
        try:
            status, data = _post(operation, body, connect_seconds, read_seconds)
        except (OSError, HTTPException, signature.NoCredentialsError) as error:
            failure = type(error).__name__
            continue
        if status == 200:
            return dict(json.loads(data))
        failure, text = _error_of(data)
        if "ConditionalCheckFailed" in failure + text:
            raise RefusedWriteError
        failure = failure or f"HTTP {status}"
        if status < 500 and not _may_pass(failure, text):
            break
    raise TableUnavailableError(f"DynamoDB {operation}: {failure}")


def _post(
    operation: str, body: bytes, connect_seconds: float, read_seconds: float
) -> tuple[int, bytes]:
    url = config.dynamodb_endpoint
    headers = {
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": f"DynamoDB_20120810.{operation}",
    }
    # Signed anew for each attempt: a signature is good for minutes, credentials for hours.
    signed = signature.sign(
        url,
        headers,
        body,
        service="dynamodb",
        region=config.region,
        by=signature.credentials(),
        now=utc_now(),
    )
    return wire.post(url, signed, body, connect_seconds=connect_seconds, read_seconds=read_seconds)


def _error_of(data: bytes) -> tuple[str, str]:
    """The error's type and its message, which names what became of each part of a transaction."""
    try:
        error = json.loads(data)
        message = error.get("message") or error.get("Message") or ""
        return str(error.get("__type", "")).rpartition("#")[2], str(message)
    except ValueError:
        return "", ""


def _may_pass(error_type: str, message: str) -> bool:
    """Throttling, or a transaction that met another on the same item."""
    return (
        "Throttl" in error_type
        or error_type in {"ProvisionedThroughputExceededException", "RequestLimitExceeded"}
        or "TransactionConflict" in message
        or "ThrottlingError" in message
    )
