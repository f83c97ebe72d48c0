"""Signed calls to DynamoDB with the standard library, which keeps the cold start short.

boto3 would take most of the cold start, and botocore's signer with urllib3 half of it: see
docs/decisions/authorizer-reads.md.
"""

import json
import random
import time
from http.client import HTTPException
from typing import Any

from craftkit.auth import connections, sigv4
from craftkit.clock import utc_now
from craftkit.config import config

_ATTEMPTS = 3
_BACKOFF_SECONDS = 0.05


class TableUnavailableError(Exception):
    """DynamoDB did not answer, or refused the call for a reason other than a condition."""


class RefusedWriteError(Exception):
    """A condition of a write did not hold; nothing was written."""


def warm_up() -> None:
    """Load the modules and certificates of a first call before a snapshot is taken."""
    sigv4.credential_chain()
    connections.tls_context(config.dynamodb_endpoint)


def call_dynamodb(
    operation: str,
    payload: dict[str, Any],
    *,
    attempts: int = _ATTEMPTS,
    connect_seconds: float = 1.0,
    read_seconds: float = 2.0,
) -> dict[str, Any]:
    """One DynamoDB operation, in its low-level JSON form.

    A transient failure (no connection, throttling, a 5xx) is retried, three attempts by default.

    Raises:
        TableUnavailableError: no attempt succeeded.
        RefusedWriteError: a write's condition did not hold.
    """
    body = json.dumps(payload).encode()
    failure = "no attempt was made"
    for attempt in range(attempts):
        if attempt:
            time.sleep(random.uniform(0, _BACKOFF_SECONDS * 2**attempt))  # noqa: S311 jitter
        try:
            status, data = _post(operation, body, connect_seconds, read_seconds)
        except (OSError, HTTPException, sigv4.NoCredentialsError) as error:
            failure = type(error).__name__
            continue
        if status == 200:
            return dict(json.loads(data))
        failure, text = _error_of(data)
        if "ConditionalCheckFailed" in failure + text:
            raise RefusedWriteError
        failure = failure or f"HTTP {status}"
        if status < 500 and not _is_transient(failure, text):
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
    # Each attempt is signed again: a signature expires after minutes, and credentials may rotate.
    signed = sigv4.sign(
        url,
        headers,
        body,
        service="dynamodb",
        region=config.region,
        by=sigv4.credentials(),
        now=utc_now(),
    )
    return connections.post(
        url, signed, body, connect_seconds=connect_seconds, read_seconds=read_seconds
    )


def _error_of(data: bytes) -> tuple[str, str]:
    """The error's type and message. The message has a reason for each write of a transaction."""
    try:
        error = json.loads(data)
        message = error.get("message") or error.get("Message") or ""
        return str(error.get("__type", "")).rpartition("#")[2], str(message)
    except ValueError:
        return "", ""


def _is_transient(error_type: str, message: str) -> bool:
    """Whether the error is throttling, or a conflict of two transactions on one item."""
    return (
        "Throttl" in error_type
        or error_type in {"ProvisionedThroughputExceededException", "RequestLimitExceeded"}
        or "TransactionConflict" in message
        or "ThrottlingError" in message
    )
