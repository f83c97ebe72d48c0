"""A webhook receiver on loopback, for tests of a deployed stack."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_WAIT_SECONDS = 60


@dataclass(frozen=True)
class Arrival:
    """One request, and when it arrived."""

    at: float
    headers: dict[str, str]
    body: bytes


class LoopbackReceiver:
    """Responds with each of `answers` in turn, then always with 200; after `seconds`."""

    def __init__(self, answers: list[int], seconds: float = 0.0) -> None:
        self.answers, self.arrivals = list(answers), list[Arrival]()
        self._changed = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the base class finds it by this name
                at = time.time()
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                status = receiver.note(Arrival(at, headers, body))
                time.sleep(seconds)
                self.send_response(status)
                self.send_header("Content-Length", "6")
                self.end_headers()
                self.wfile.write(b"noted\n")

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the base class's
                """Log nothing: arrivals are recorded."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def note(self, arrival: Arrival) -> int:
        with self._changed:
            self.arrivals.append(arrival)
            self._changed.notify_all()
            return self.answers.pop(0) if self.answers else 200

    def wait_for(self, number: int) -> list[Arrival]:
        """Wait for this many arrivals and return them.

        Raises:
            TimeoutError: fewer arrived within a minute.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.arrivals) >= number, _WAIT_SECONDS):
                raise TimeoutError(f"{len(self.arrivals)} of {number} webhooks arrived")
            return list(self.arrivals)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def receiving(*answers: int, seconds: float = 0.0) -> Iterator[LoopbackReceiver]:
    receiver = LoopbackReceiver(list(answers), seconds)
    try:
        yield receiver
    finally:
        receiver.stop()
