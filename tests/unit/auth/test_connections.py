"""Connections that are kept between requests, against a server on loopback."""

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from craftkit.auth import connections

pytestmark = pytest.mark.usefixtures("socket_enabled")


@dataclass
class Server:
    """Returns each request as its response. `peers` are the connections, in order."""

    url: str = ""
    peers: list[int] = field(default_factory=list)
    hangs_up: bool = False
    slow_seconds: float = 0
    together: threading.Barrier | None = None

    def post(self, body: bytes, read_seconds: float = 2) -> tuple[int, bytes]:
        return connections.post(
            self.url, {"host": "x"}, body, connect_seconds=1, read_seconds=read_seconds
        )


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            state.peers.append(self.client_address[1])
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if state.together:
                state.together.wait(5)
            time.sleep(state.slow_seconds)
            self.send_response(200 if body else 400)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            if state.hangs_up:  # without saying so: a peer that is gone when the process thaws
                self.close_connection = True

        def log_message(self, *_: object) -> None: ...

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{listener.server_port}"
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    yield state
    listener.shutdown()
    listener.server_close()
    for kept in connections._idle.pop(state.url, []):
        kept.close()


def test_post__keeps_the_connection_for_the_next_request(server: Server) -> None:
    assert server.post(b"one") == (200, b"one")
    assert server.post(b"") == (400, b"")
    assert len(set(server.peers)) == 1


def test_post__opens_a_new_connection_after_the_server_closed_it(server: Server) -> None:
    server.hangs_up = True
    for number in range(3):
        assert server.post(str(number).encode()) == (200, str(number).encode())
        time.sleep(0.05)
    assert len(set(server.peers)) == 3


def test_post__a_request_never_gets_the_response_of_an_abandoned_one(
    server: Server,
) -> None:
    server.slow_seconds = 0.3
    with pytest.raises(TimeoutError):
        server.post(b"slow", read_seconds=0.05)
    server.slow_seconds = 0
    assert server.post(b"next") == (200, b"next")


def test_post__concurrent_requests_have_separate_connections(server: Server) -> None:
    server.together = threading.Barrier(2)
    answers: list[tuple[int, bytes]] = []
    threads = [
        threading.Thread(target=lambda body=body: answers.append(server.post(body)))
        for body in (b"request", b"activity")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert sorted(answers) == [(200, b"activity"), (200, b"request")]
    assert len(set(server.peers)) == 2


def test_post__fails_at_once_without_a_server() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConnectionRefusedError):
            connections.post(url, {}, b"{}", connect_seconds=1, read_seconds=1)
