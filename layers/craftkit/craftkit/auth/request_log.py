"""Rows of the request log: one for each request of a key, written after the response is sent.

A row holds no header, no query and no path: the route has its parameters' names, the address has
no host part, the client is one of the names in `_CLIENTS`, and of a body it has the shape.
docs/decisions/request-log.md has the reasons and the price.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from craftkit.auth.dynamodb_client import TableUnavailableError, call_dynamodb
from craftkit.auth.principal import Principal
from craftkit.clock import to_epoch_seconds, to_rfc3339
from craftkit.config import config

_WAITING_LIMIT = 500
"""The most rows that wait while the table does not answer."""

_REST = timedelta(seconds=5)
"""Time between two attempts while the table does not answer."""

_CLIENTS = {
    "curl": "curl",
    "wget": "wget",
    "python-requests": "python-requests",
    "python-httpx": "python-httpx",
    "python-urllib": "python-urllib",
    "python": "python",
    "aiohttp": "python-aiohttp",
    "node": "node",
    "undici": "node",
    "node-fetch": "node",
    "axios": "node-axios",
    "got": "node-got",
    "deno": "deno",
    "bun": "bun",
    "go-http-client": "go",
    "okhttp": "java-okhttp",
    "java": "java",
    "java-http-client": "java",
    "apache-httpclient": "java-apache",
    "ruby": "ruby",
    "faraday": "ruby-faraday",
    "guzzlehttp": "php-guzzle",
    "php": "php",
    "dart": "dart",
    "reqwest": "rust-reqwest",
    "postmanruntime": "postman",
    "insomnia": "insomnia",
    "k6": "k6",
    "mozilla": "browser",
}
"""The client's name by the first product of its `User-Agent`, in lower case. Any other is `other`:
the header is the caller's own text, and could hold a secret."""

Write = Callable[[dict[str, Any]], object]


@dataclass(frozen=True)
class LoggedRequest:
    """One request. `code` is the error's; `reason` says which of the code's causes it was. `body`
    is the shape of its JSON body, by `auth.body_shape`."""

    request_id: str
    at: datetime
    principal: Principal
    method: str
    route: str
    status: int
    code: str | None
    address: str
    duration_ms: int
    client: str | None
    reason: str | None = None
    body: str | None = None

    def as_item(self, days: int) -> dict[str, Any]:
        """The row in DynamoDB's low-level form."""
        texts = {
            "log_id": self.principal.log_id,
            "at_request": f"{to_rfc3339(self.at)}#{self.request_id}",
            "project_id": self.principal.project_id,
            "key_id": self.principal.key_id,
            "method": self.method,
            "route": self.route,
            "code": self.code,
            "reason": self.reason,
            "address": self.address,
            "client": self.client,
            "body": self.body,
        }
        numbers = {
            "status": self.status,
            "duration_ms": self.duration_ms,
            "expires_at": to_epoch_seconds(self.at + timedelta(days=days)),
        }
        return {name: {"S": text} for name, text in texts.items() if text} | {
            name: {"N": str(number)} for name, number in numbers.items()
        }


def logged_request(
    event: Mapping[str, Any],
    principal: Principal,
    *,
    status: int,
    code: str | None,
    now: datetime,
    request_id: str | None = None,
    reason: str | None = None,
    body: str | None = None,
) -> LoggedRequest:
    """The row of the request in an event of the gateway, as far as it is known at `now`."""
    from craftkit.auth.networks import masked

    context = event["requestContext"]
    started = context.get("requestTimeEpoch")
    at = datetime.fromtimestamp(started / 1000, UTC) if started else now
    headers = event.get("headers") or {}
    agent = next((text for name, text in headers.items() if name.lower() == "user-agent"), "")
    return LoggedRequest(
        request_id=request_id or context["requestId"],
        at=at,
        principal=principal,
        method=event["httpMethod"],
        route=event["resource"],
        status=status,
        code=code,
        reason=reason,
        address=masked((context.get("identity") or {}).get("sourceIp")),
        duration_ms=max(0, round((now - at).total_seconds() * 1000)),
        client=client_of(agent),
        body=body,
    )


def client_of(user_agent: str) -> str | None:
    """The client's name from a fixed list; None without a `User-Agent`."""
    product = user_agent[:100].partition("/")[0].partition(" ")[0].strip().lower()
    return _CLIENTS.get(product, "other") if product else None


class RequestLog:
    """The rows of this instance that are not written yet.

    Args:
        write: takes the payload of DynamoDB's PutItem.
    """

    def __init__(self, write: Write | None = None) -> None:
        self._write = write or _write
        self._waiting: list[LoggedRequest] = []
        self._failed_at: datetime | None = None
        self._lock = threading.RLock()  # a signal may come in the middle of `note`

    def note(self, request: LoggedRequest) -> None:
        """Keep a row for the next write, in memory. The oldest go where too many wait."""
        with self._lock:
            self._waiting.append(request)
            del self._waiting[:-_WAITING_LIMIT]

    def due_in(self, now: datetime) -> float | None:
        with self._lock:
            if not self._waiting:
                return None
            since = now - self._failed_at if self._failed_at else _REST
        return max(0.0, (_REST - since).total_seconds()) if since >= timedelta(0) else 0.0

    def flush(self, now: datetime, *, everything: bool = False) -> None:  # noqa: ARG002 all is due
        """Write each row. Stops at the first failure and keeps the rest."""
        with self._lock:
            waiting = list(self._waiting)
        for request in waiting:
            put = {
                "TableName": config.requests_table,
                "Item": request.as_item(config.request_log_days),
            }
            try:
                self._write(put)
            except TableUnavailableError:
                self._failed_at = now
                return
            with self._lock:
                self._waiting = [other for other in self._waiting if other is not request]
        self._failed_at = None


def _write(put: dict[str, Any]) -> object:
    # Short time-outs: the Lambda environment takes no other request until this ends.
    return call_dynamodb("PutItem", put, attempts=2, connect_seconds=0.3, read_seconds=0.7)
