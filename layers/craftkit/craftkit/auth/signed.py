"""Signed calls to DynamoDB without a boto3 client, whose loading would triple a cold start.

The signature, the chain of credentials and the connection pool are botocore's and urllib3's own;
only the few lines between them are ours.
"""

import json
import random
import time
from functools import cache
from typing import Any

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ContainerProvider, CredentialResolver, Credentials, EnvProvider

from craftkit.config import config

_ATTEMPTS = 3
_BACKOFF_SECONDS = 0.05


class TableUnavailableError(Exception):
    """DynamoDB did not answer, or refused for a reason that is not the caller's."""


class RefusedWriteError(Exception):
    """A condition of a write did not hold; nothing was written."""


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
    body = json.dumps(payload)
    timeout = urllib3.Timeout(connect=connect_seconds, read=read_seconds)
    failure = "no attempt was made"
    for attempt in range(attempts):
        if attempt:
            time.sleep(random.uniform(0, _BACKOFF_SECONDS * 2**attempt))  # noqa: S311 jitter
        try:
            answer = _post(operation, body, timeout)
        except urllib3.exceptions.HTTPError as error:
            failure = type(error).__name__
            continue
        if answer.status == 200:
            return dict(json.loads(answer.data))
        failure, text = _error_of(answer.data)
        if "ConditionalCheckFailed" in failure + text:
            raise RefusedWriteError
        failure = failure or f"HTTP {answer.status}"
        if answer.status < 500 and not _may_pass(failure, text):
            break
    raise TableUnavailableError(f"DynamoDB {operation}: {failure}")


def _post(operation: str, body: str, timeout: urllib3.Timeout) -> urllib3.BaseHTTPResponse:
    url = f"{config.dynamodb_endpoint}/"
    request = AWSRequest(
        method="POST",
        url=url,
        data=body,
        headers={
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"DynamoDB_20120810.{operation}",
        },
    )
    # A frozen set a call: the chain renews what has expired (SnapStart's come from an endpoint).
    frozen = _credentials().get_frozen_credentials()
    SigV4Auth(frozen, "dynamodb", config.region).add_auth(request)
    return _pool().request(
        "POST",
        url,
        body=body,
        headers=dict(request.headers.items()),
        timeout=timeout,
        retries=False,
    )


@cache
def _pool() -> urllib3.PoolManager:
    return urllib3.PoolManager(maxsize=2)


@cache
def _credentials() -> Credentials:
    """Resolved on the first call, never on import: a snapshot must not hold credentials."""
    credentials = CredentialResolver([EnvProvider(), ContainerProvider()]).load_credentials()
    if credentials is None:
        raise TableUnavailableError("the function has no AWS credentials")
    return credentials


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
