"""The local stack's proxy: it forwards requests unchanged to the right API."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from local.emulator import free_port
from local.front import Front


class Echo(BaseHTTPRequestHandler):
    """Echoes requests; `/chunked` responds in chunks, `/gone` closes the connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle_any(self) -> None:
        if self.path.endswith("/gone"):
            self.connection.close()
            self.close_connection = True
            return
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        answer = json.dumps(
            {
                "method": self.command,
                "path": self.path,
                "headers": self.headers.items(),
                "body": body.decode("latin-1"),
            }
        ).encode()
        self.send_response(418)
        self.send_header("X-Twice", "one")
        self.send_header("X-Twice", "two")
        if self.path.endswith("/chunked"):
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (answer[:7], answer[7:]):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
            self.wfile.write(b"0\r\n\r\n")
            return
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_GET = do_HEAD = do_POST = do_QUERY = handle_any  # noqa: N815 the base class's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the base class's
        """Nothing is logged."""


class Upstream(ThreadingHTTPServer):
    request_queue_size = 128


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    upstream = Upstream(("127.0.0.1", 0), Echo)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    chosen = free_port()
    address = ("127.0.0.1", upstream.server_address[1])
    front = Front(chosen, address, lambda path: f"/stage{path}", host="localhost:1234")
    yield chosen
    front.stop()
    upstream.shutdown()
    upstream.server_close()


def ask(port: int, method: str, path: str, **how: Any) -> tuple[http.client.HTTPResponse, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, **how)
        response = connection.getresponse()
        body = response.read()
        return response, json.loads(body) if body else None
    finally:
        connection.close()


def test_a_request_is_forwarded_unchanged(port: int) -> None:
    headers = {"Authorization": "Bearer  ü".encode("latin-1"), "X-Long": "x" * 10_000}
    response, seen = ask(port, "POST", "/v1/a%2Fb?q=1&q=2", body=b"\x00\xff{}", headers=headers)
    assert response.status == 418
    assert seen["method"] == "POST"
    assert seen["path"] == "/stage/v1/a%2Fb?q=1&q=2"
    assert seen["body"] == "\x00ÿ{}"
    received = dict(map(tuple, seen["headers"]))
    assert received["Authorization"] == "Bearer  ü"
    assert received["X-Long"] == "x" * 10_000
    assert received["Host"] == "localhost:1234"
    assert received["X-Forwarded-Host"] == f"127.0.0.1:{port}"
    assert received["X-Forwarded-Proto"] == "http"


def test_an_unknown_method_is_forwarded(port: int) -> None:
    _, seen = ask(port, "QUERY", "/v1/renders", body=b"{}")
    assert seen["method"] == "QUERY"


def test_forwarded_for_headers_of_the_caller_are_dropped(port: int) -> None:
    _, seen = ask(port, "GET", "/", headers={"X-Forwarded-For": "10.0.0.1"})
    assert ["X-Forwarded-For", "127.0.0.1"] in seen["headers"]
    assert ["X-Forwarded-For", "10.0.0.1"] not in seen["headers"]


def test_a_body_of_unknown_length_is_passed_on(port: int) -> None:
    _, seen = ask(port, "POST", "/", body=iter([b"one", b"two"]), encode_chunked=True)
    assert seen["body"] == "onetwo"


def test_chunked_responses_and_repeated_headers_are_forwarded(port: int) -> None:
    response, seen = ask(port, "GET", "/chunked")
    assert seen["path"] == "/stage/chunked"
    assert response.headers.get_all("X-Twice") == ["one", "two"]


def test_head_has_the_length_and_no_body(port: int) -> None:
    response, seen = ask(port, "HEAD", "/")
    assert seen is None
    assert int(response.headers["Content-Length"]) > 0


def test_a_connection_serves_many_requests(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.connect()
    first = connection.sock
    for number in range(20):
        connection.request("POST", f"/{number}", body=str(number))
        assert json.loads(connection.getresponse().read())["body"] == str(number)
    assert connection.sock is first
    connection.close()


def test_forty_concurrent_callers_receive_their_own_responses(port: int) -> None:
    def one(number: int) -> bool:
        _, seen = ask(port, "POST", f"/{number}", body=str(number))
        return bool(seen["path"] == f"/stage/{number}" and seen["body"] == str(number))

    with ThreadPoolExecutor(40) as pool:
        assert all(pool.map(one, range(400)))


def test_a_closed_upstream_connection_is_502_in_the_envelope(port: int) -> None:
    response, answer = ask(port, "GET", "/gone")
    assert response.status == 502
    assert answer["error"]["code"] == "internal"


def test_malformed_http_is_400_in_the_envelope(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        raw.sendall(
            "GET /ü HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".encode()
        )
        answer = raw.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"code":"invalid_request"' in answer


def test_the_proxy_listens_on_ipv6(port: int) -> None:
    try:
        connection = http.client.HTTPConnection("::1", port, timeout=10)
        connection.connect()
    except OSError:
        pytest.skip("there is no IPv6 here")
    connection.request("GET", "/")
    assert connection.getresponse().status == 418
    connection.close()
