"""`craftkit templates dev`: a page on this machine that follows each save."""

import json
from collections.abc import Callable
from dataclasses import asdict
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from craftkit_cli.authoring.drawn import Draw
from craftkit_cli.authoring.folder import FIRST_DATA_SET
from craftkit_cli.authoring.preview_state import PreviewState
from craftkit_cli.authoring.watching import changes

_ASSETS = Path(__file__).parent / "assets"
_PAGE_FILES = {
    "/": ("dev.html", "text/html; charset=utf-8"),
    "/dev.js": ("dev.js", "text/javascript; charset=utf-8"),
    "/dev.css": ("dev.css", "text/css; charset=utf-8"),
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'"
)
_HEARTBEAT_SECONDS = 10.0


class DevServer:
    """Serves the preview of a folder on 127.0.0.1 until `stop`.

    Args:
        port: 0 for any that is free.
        draw: makes the pages.
        force_polling: read the files in turn, where the system reports no changes.
    """

    def __init__(
        self, folder: Path, port: int, draw: Draw, *, force_polling: bool | None = None
    ) -> None:
        self.state = PreviewState(folder, draw)
        self._stopped = Event()
        self._server = _Server(("127.0.0.1", port), _handler_of(self.state, self._stopped))
        self._folder, self._force_polling = folder, force_polling
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        self._threads = [Thread(target=each, daemon=True) for each in (self._serve, self._watch)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self.state.files_changed()  # ends the open event streams
        self._server.shutdown()
        self._server.server_close()
        for thread in self._threads:
            thread.join(timeout=10)

    def wait(self) -> None:
        """Until Ctrl-C."""
        self._stopped.wait()

    def _serve(self) -> None:
        self._server.serve_forever(poll_interval=0.1)

    def _watch(self) -> None:
        watched = changes(self._folder, self._stopped, force_polling=self._force_polling)
        for _ in watched:
            self.state.files_changed()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that closes its event stream is no error."""


def _handler_of(state: PreviewState, stopped: Event) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            # A page of another site that resolves its name to 127.0.0.1 has another host.
            host = (self.headers.get("Host") or "").rpartition(":")[0]
            if host not in ("127.0.0.1", "localhost"):
                self._send(HTTPStatus.MISDIRECTED_REQUEST, "text/plain", b"Another host.")
                return
            url = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(url.query).items()}
            routes: dict[str, Callable[[dict[str, str]], None]] = {
                "/state": self._state,
                "/page": self._page,
                "/events": self._events,
            }
            if url.path in _PAGE_FILES:
                file, kind = _PAGE_FILES[url.path]
                self._send(HTTPStatus.OK, kind, (_ASSETS / file).read_bytes())
            elif url.path in routes:
                routes[url.path](query)
            else:
                self._send(HTTPStatus.NOT_FOUND, "text/plain", b"No such page.")

        def _state(self, query: dict[str, str]) -> None:
            revision = state.revision
            shown = asdict(state.show(query.get("set", FIRST_DATA_SET)))
            shown["pages"] = len(shown["pages"])
            body = json.dumps({"revision": revision, **shown}).encode()
            self._send(HTTPStatus.OK, "application/json", body)

        def _page(self, query: dict[str, str]) -> None:
            pages = state.show(query.get("set", FIRST_DATA_SET)).pages
            number = query.get("number", "1")
            if not number.isdecimal() or not 1 <= int(number) <= len(pages):
                self._send(HTTPStatus.NOT_FOUND, "text/plain", b"No such page.")
                return
            self._send(HTTPStatus.OK, "image/png", pages[int(number) - 1])

        def _events(self, _query: dict[str, str]) -> None:
            """Server-sent events: the revision at once, and after each save."""
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Cache-Control", "no-store")
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            revision = state.revision
            while not stopped.is_set():
                self.wfile.write(f"data: {revision}\n\n".encode())
                self.wfile.flush()
                revision = state.wait(revision, _HEARTBEAT_SECONDS)

        def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("Content-Security-Policy", _POLICY)
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the base class's
            """The command prints its address and nothing else."""

    return Handler
