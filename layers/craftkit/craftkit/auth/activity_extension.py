"""What is done once the answer is out.

Lambda freezes a process as soon as it has answered, threads included. An internal extension that is
registered for INVOKE events holds the freeze back: an invocation ends when the runtime and the
extension have both asked for the next, while the caller has long had the answer. The same
registration has Lambda send SIGTERM and wait half a second before it ends an instance, in which the
last uses are written. Where there is no Extensions API, processes are not frozen, and a plain
thread does it.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

import contextlib
import http.client
import json
import signal
import sys
import threading
import time
from types import FrameType

from craftkit.auth.activity import Activity
from craftkit.clock import utc_now

_PATH = "/2020-01-01/extension"
_NAME = "key-activity"
_ANSWER_SECONDS = 0.005
"""In which the runtime hands the answer over, before the writes claim the interpreter."""

_LONGEST_INVOCATION_SECONDS = 30


class ActivityExtension:
    """Writes an instance's `Activity`, beside its requests.

    Args:
        runtime_api: host and port of Lambda's API, or None where there is none.
    """

    def __init__(self, activity: Activity, runtime_api: str | None) -> None:
        self._activity = activity
        self._runtime_api = runtime_api
        self._answered = threading.Semaphore(0)

    def start(self) -> None:
        """Begin, while the module is loaded: an extension cannot register later."""
        extension = self._register() if self._runtime_api else None
        target = self._follow_invocations if extension else self._follow_time
        threading.Thread(
            target=target, args=(extension,) if extension else (), name=_NAME, daemon=True
        ).start()
        with contextlib.suppress(ValueError):  # not the main thread: somebody else ends us
            signal.signal(signal.SIGTERM, self._end)

    def answered(self) -> None:
        """The handler is through with one request, whatever came of it."""
        self._answered.release()

    def _register(self) -> str | None:
        """Lambda's id for this extension, or None where it knows of none."""
        try:
            headers = {"Lambda-Extension-Name": _NAME}
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
            self._answered.acquire(timeout=self._activity.due_in(utc_now()))
            self._flush()

    def _flush(self) -> None:
        if (wait := self._activity.due_in(utc_now())) is None or wait > 0:
            return
        time.sleep(_ANSWER_SECONDS)
        try:
            self._activity.flush(utc_now())
        except Exception as error:  # whatever it was, the requests go on
            print(f"key activity was not written: {type(error).__name__}", file=sys.stderr)  # noqa: T201

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(Exception):
            self._activity.flush(utc_now(), everything=True)
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
