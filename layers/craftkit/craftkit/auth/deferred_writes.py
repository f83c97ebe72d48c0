"""An internal Lambda extension that writes to a table after the response is sent.

The authorizer writes key usage with it, and the functions of the routes the request log.

Lambda freezes a process, with its threads, when the response is sent. An internal extension that is
registered for INVOKE events delays this: an invocation ends when both the runtime and the extension
have asked for the next one, and the caller has the response by then. For a registered extension,
Lambda also sends SIGTERM and waits half a second before it ends an instance; the last uses are
written in that time. Without the Extensions API processes are not frozen, and a thread writes.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

import contextlib
import http.client
import json
import signal
import sys
import threading
import time
from datetime import datetime
from types import FrameType
from typing import Protocol

from craftkit.clock import utc_now

_PATH = "/2020-01-01/extension"
_ANSWER_SECONDS = 0.005
"""Time for the runtime to send the response before the writes take the interpreter lock."""

_LONGEST_INVOCATION_SECONDS = 30


class Buffer(Protocol):
    """What waits to be written."""

    def due_in(self, now: datetime) -> float | None:
        """Seconds until the next write is due; None while there is nothing to write."""

    def flush(self, now: datetime, *, everything: bool = False) -> None:
        """Write what is due, or everything."""


class Buffers:
    """Several buffers as one."""

    def __init__(self, *buffers: Buffer) -> None:
        self._buffers = buffers

    def due_in(self, now: datetime) -> float | None:
        return min(
            (wait for each in self._buffers if (wait := each.due_in(now)) is not None), default=None
        )

    def flush(self, now: datetime, *, everything: bool = False) -> None:
        for each in self._buffers:
            each.flush(now, everything=everything)


class DeferredWrites:
    """Writes what an instance has buffered, between requests.

    Args:
        runtime_api: host and port of Lambda's runtime API, or None outside of Lambda.
        name: of the extension; one function may have several.
    """

    def __init__(self, buffer: Buffer, runtime_api: str | None, *, name: str) -> None:
        self._buffer = buffer
        self._runtime_api = runtime_api
        self._name = name
        self._answered = threading.Semaphore(0)

    def start(self) -> None:
        """Register and start the thread. Must run during init: later registration is refused."""
        extension = self._register() if self._runtime_api else None
        target = self._follow_invocations if extension else self._follow_time
        threading.Thread(
            target=target, args=(extension,) if extension else (), name=self._name, daemon=True
        ).start()
        with contextlib.suppress(ValueError):  # not the main thread: no signal handler is possible
            signal.signal(signal.SIGTERM, self._end)

    def answered(self) -> None:
        """Report that the handler has ended one request, successfully or not."""
        self._answered.release()

    def _register(self) -> str | None:
        """The extension's id from Lambda, or None without the Extensions API."""
        try:
            headers = {"Lambda-Extension-Name": self._name}
            answer, _ = self._call("POST", "/register", headers, {"events": ["INVOKE"]}, timeout=1)
        except (OSError, http.client.HTTPException):
            return None
        return answer.headers["Lambda-Extension-Identifier"] if answer.status == 200 else None

    def _follow_invocations(self, extension: str) -> None:
        headers = {"Lambda-Extension-Identifier": extension}
        while True:
            try:
                answer, _ = self._call("GET", "/event/next", headers)
            except (OSError, http.client.HTTPException):
                return self._follow_time()
            if answer.status != 200:
                return self._follow_time()
            if self._answered.acquire(timeout=_LONGEST_INVOCATION_SECONDS):
                self._flush()

    def _follow_time(self) -> None:
        while True:
            self._answered.acquire(timeout=self._buffer.due_in(utc_now()))
            self._flush()

    def _flush(self) -> None:
        if (wait := self._buffer.due_in(utc_now())) is None or wait > 0:
            return
        time.sleep(_ANSWER_SECONDS)
        try:
            self._buffer.flush(utc_now())
        except Exception as error:  # a failed write must not end the thread
            print(f"{self._name} was not written: {type(error).__name__}", file=sys.stderr)  # noqa: T201

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(Exception):
            self._buffer.flush(utc_now(), everything=True)
        sys.exit(0)

    def _call(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        body: object = None,
        timeout: float | None = None,
    ) -> tuple[http.client.HTTPResponse, bytes]:
        connection = http.client.HTTPConnection(str(self._runtime_api), timeout=timeout)
        try:
            connection.request(
                method, _PATH + path, None if body is None else json.dumps(body), headers
            )
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()
