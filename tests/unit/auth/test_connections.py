"""Connections that are kept between requests, against a server on loopback."""

import hashlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from craftkit.auth import connections
from testkit.authority import Authority

pytestmark = pytest.mark.usefixtures("socket_enabled")


@dataclass
class Server:
    """Returns each request as its response. `peers` are the connections, in order."""

    url: str = ""
    handler: Any = None
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

    state.handler = Handler
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


ROOTS = {
    "Amazon Root CA 1": "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
    "Amazon Root CA 2": "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
    "Amazon Root CA 3": "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
    "Amazon Root CA 4": "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
    "Starfield Services Root Certificate Authority - G2": (
        "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5"
    ),
}
"""SHA-256 of the certificates, as https://www.amazontrust.com/repository/ publishes it."""

AWS_URL = "https://dynamodb.eu-central-1.amazonaws.com"


def test_tls_context__an_endpoint_of_aws_is_trusted_by_amazons_roots_alone() -> None:
    context = connections.tls_context(AWS_URL)
    names = [dict(part[0] for part in each["subject"])["commonName"] for each in _certificates()]
    hashes = [hashlib.sha256(each).hexdigest() for each in context.get_ca_certs(binary_form=True)]
    found = dict(zip(names, hashes, strict=True))
    assert found == ROOTS
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_amazons_roots_are_valid_for_years() -> None:
    ends = [ssl.cert_time_to_seconds(each["notAfter"]) for each in _certificates()]
    assert min(ends) > datetime(2035, 1, 1, tzinfo=UTC).timestamp()


def _certificates() -> list[Any]:
    return connections.tls_context(AWS_URL).get_ca_certs()


@pytest.mark.parametrize(
    "url",
    [
        "https://dynamodb.cn-north-1.amazonaws.com.cn",
        "https://dynamodb.example.com",
        "https://amazonaws.com.example.com",
    ],
)
def test_tls_context__another_endpoint_is_trusted_by_the_systems_store(url: str) -> None:
    assert connections.tls_context(url) is not connections.tls_context(AWS_URL)


def test_post__over_tls_only_to_a_server_of_a_trusted_authority(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    listener = ThreadingHTTPServer(("127.0.0.1", 0), server.handler)
    listener.socket = authority.server_context().wrap_socket(listener.socket, server_side=True)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    url = f"https://127.0.0.1:{listener.server_port}"

    def post() -> tuple[int, bytes]:
        return connections.post(url, {"host": "x"}, b"{}", connect_seconds=2, read_seconds=2)

    try:
        roots = connections.ROOTS
        monkeypatch.setattr(connections.config, "ca_bundle", roots)
        with pytest.raises(ssl.SSLCertVerificationError):
            post()
        bundle = tmp_path / "bundle.pem"
        bundle.write_text(Path(roots).read_text(encoding="utf-8") + authority.root_pem)
        monkeypatch.setattr(connections.config, "ca_bundle", str(bundle))
        assert post() == (200, b"{}")
    finally:
        listener.shutdown()
        listener.server_close()
