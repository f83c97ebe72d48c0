"""The logic of the client without input and output: generators that yield calls and pauses.

The synchronous and the asynchronous client run the same generators; see `_sync` and `_async`.
"""

import os
import random
import uuid
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from craftkit_sdk.errors import (
    BatchFailedError,
    ConnectionFailedError,
    RenderFailedError,
    WaitTimeoutError,
    error_of,
)

BASE_URL = "https://api.craftkit.dev"
TIMEOUT_SECONDS = 60.0
MAX_RETRIES = 5
LONGEST_PAUSE_SECONDS = 60.0
"""Seconds. A longer `Retry-After` raises the error: a quota is renewed after hours."""

MEDIA_TYPES = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "svg": "image/svg+xml",
}
FINAL = ("succeeded", "failed", "cancelled")
BATCH_FINAL = ("completed", "refused", "cancelled")
_RETRIED = (429, 500, 502, 503, 504)
_NOT_ACCEPTED = (429, 503)
"""Statuses of requests that had no effect, so that any of them can be retried."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One HTTP request. `is_safe`: sending it twice has the same effect as once."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    json: Any = None
    params: dict[str, str] = field(default_factory=dict)
    is_safe: bool = True
    content: bytes | None = None


@dataclass(frozen=True)
class Pause:
    seconds: float


@dataclass(frozen=True)
class Reply:
    """An HTTP response. `status` is None if there was no response."""

    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    json: Any = None
    failure: Exception | None = None

    @property
    def request_id(self) -> str:
        return self.headers.get("x-request-id", "")

    @property
    def retry_after(self) -> float | None:
        try:
            return max(0.0, float(self.headers.get("retry-after", "")))
        except ValueError:
            return None


Steps = Generator[Call | Pause, Reply | None, Any]


class Core:
    """The settings of a client, and its requests as steps."""

    def __init__(
        self,
        api_key: str | None,
        base_url: str | None,
        max_retries: int,
        random_: random.Random | None = None,
    ) -> None:
        self.api_key = api_key or os.environ.get("CRAFTKIT_API_KEY", "")
        self.base_url = (base_url or os.environ.get("CRAFTKIT_BASE_URL") or BASE_URL).rstrip("/")
        self.max_retries = max_retries
        self._random = random_ or random.Random()  # noqa: S311 jitter is no secret

    def send(self, call: Call) -> Steps:
        """Send a call, retry it with jitter, and return its reply or raise its last error."""
        for attempt in range(self.max_retries + 1):
            reply = yield call
            assert reply is not None
            if reply.status is not None and reply.status < 400:
                return reply
            is_last = attempt == self.max_retries
            may_retry = call.is_safe or reply.status in _NOT_ACCEPTED
            is_passing = reply.status is None or reply.status in _RETRIED
            pause = reply.retry_after
            if pause is None:
                # Full jitter: 0 to 0.25, 0.5, 1, 2, 4 seconds.
                pause = self._random.uniform(0, 0.25 * 2**attempt)
            if is_last or not (may_retry and is_passing) or pause > LONGEST_PAUSE_SECONDS:
                raise self._error(reply)
            if reply.retry_after:
                pause += self._random.uniform(0, 0.25)
            yield Pause(pause)
        raise AssertionError("unreachable")

    def api(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        is_safe: bool = True,
    ) -> Steps:
        """Send a request with the API key."""
        sent = {"Authorization": f"Bearer {self.api_key}", **(headers or {})}
        query = {name: str(value) for name, value in (params or {}).items() if value is not None}
        url = path if "://" in path else self.base_url + path
        return (yield from self.send(Call(method, url, sent, json, query, is_safe)))

    def create_render(
        self,
        slug: str,
        data: Mapping[str, Any],
        *,
        idempotency_key: str | None,
        job_id: str | None,
        metadata: Mapping[str, str] | None,
        options: Mapping[str, Any],
        accept: str | None = None,
    ) -> Steps:
        """Create a render. Without an idempotency key it gets one, so that retries are safe."""
        body: Json = {"data": dict(data)}
        if job_id is not None:
            body["jobId"] = job_id
        if metadata:
            body["metadata"] = dict(metadata)
        given = {name: value for name, value in options.items() if value is not None}
        if given:
            body["options"] = given
        headers = {"Accept": accept} if accept else {}
        if idempotency_key or job_id is None:
            headers["Idempotency-Key"] = idempotency_key or str(uuid.uuid4())
        path = f"/v1/templates/{slug}/render"
        return (yield from self.api("POST", path, json=body, headers=headers))

    def create_document(
        self, slug: str, data: Mapping[str, Any], timeout: float, clock: Any, **how: Any
    ) -> Steps:
        """The document's bytes from the call that creates the render, where it is finished in time.

        A document that is too large for the response, or not finished yet, is read afterwards.
        """
        accept = MEDIA_TYPES[how["options"].get("format", "pdf")]
        reply = yield from self.create_render(slug, data, accept=accept, **how)
        if reply.status == 303:
            reply = yield from self.send(Call("GET", reply.headers["location"]))
        elif reply.json is not None:
            _, content = yield from self.document(reply.json, timeout, clock)
            return content
        return reply.body

    def wait(self, render: Any, timeout: float, clock: Any) -> Steps:
        """Poll the render until it has succeeded, at intervals that grow to two seconds.

        Raises:
            RenderFailedError: the render has failed or was cancelled.
            WaitTimeoutError: the render has not ended in time.
        """
        deadline, pause, request_id = clock() + timeout, 0.05, ""
        while render["status"] not in FINAL:
            if clock() >= deadline:
                raise WaitTimeoutError(f"Render {render['id']} is {render['status']} after wait.")
            yield Pause(min(pause, max(0.0, deadline - clock())))
            pause = min(pause * 1.6, 2.0)
            reply = yield from self.api("GET", f"/v1/renders/{render['id']}")
            render, request_id = reply.json, reply.request_id
        if render["status"] != "succeeded":
            raise RenderFailedError(render, request_id)
        return render

    def document(self, render: Any, timeout: float, clock: Any) -> Steps:
        """Wait for the render; return it with its document's bytes."""
        render = yield from self.wait(render, timeout, clock)
        url = render.get("downloadUrl")
        if not url:
            render = (yield from self.api("GET", f"/v1/renders/{render['id']}")).json
            url = render["downloadUrl"]
        reply = yield from self.send(Call("GET", url))  # a signed URL needs no API key
        return render, reply.body

    def create_batch(
        self, template: str, fields: Mapping[str, Any], idempotency_key: str | None
    ) -> Steps:
        """The new batch. Without a key of the caller's it gets one, so that a retry is safe."""
        given = {name: value for name, value in fields.items() if value is not None}
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        body = {"templateSlug": template, **given}
        return (yield from self.api("POST", "/v1/batches", json=body, headers=headers))

    def upload_batch(self, batch: Any, content: bytes) -> Steps:
        """The batch, its file uploaded and its start requested."""
        # Signed: it takes no key.
        yield from self.send(Call("PUT", batch["uploadUrl"], content=content))
        return (yield from self.api("POST", f"/v1/batches/{batch['id']}/start"))

    def wait_for_batch(self, batch: Any, timeout: float, clock: Any) -> Steps:
        """The batch once it is over; polls at growing intervals up to five seconds.

        Raises:
            WaitTimeoutError: it is not over in time.
        """
        deadline, pause = clock() + timeout, 0.2
        while batch["status"] not in BATCH_FINAL:
            if clock() >= deadline:
                raise WaitTimeoutError(f"Batch {batch['id']} is {batch['status']} after wait.")
            yield Pause(min(pause, max(0.0, deadline - clock())))
            pause = min(pause * 1.6, 5.0)
            batch = (yield from self.api("GET", f"/v1/batches/{batch['id']}")).json
        return batch

    def batch_result(self, batch: Any, timeout: float, clock: Any) -> Steps:
        """The batch and the bytes of its one file, once it is over.

        Raises:
            WaitTimeoutError: it is not over in time.
            BatchFailedError: it has no result.
        """
        batch = yield from self.wait_for_batch(batch, timeout, clock)
        batch = (yield from self.api("GET", f"/v1/batches/{batch['id']}")).json
        if not batch["resultUrl"]:
            raise BatchFailedError(batch)
        reply = yield from self.send(Call("GET", batch["resultUrl"]))
        return batch, reply.body

    def _error(self, reply: Reply) -> Exception:
        if reply.status is None:
            message = f"{self.base_url} did not respond: {reply.failure}"
            failed = ConnectionFailedError(message)
            failed.__cause__ = reply.failure
            return failed
        body = reply.json if isinstance(reply.json, dict) else {}
        error = body.get("error")
        found: Json = error if isinstance(error, dict) else {}
        return error_of(reply.status, found, reply.request_id, reply.retry_after)
