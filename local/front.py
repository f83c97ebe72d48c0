"""A reverse proxy with one origin for all REST APIs of a stage, as a custom domain has."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Route = Callable[[str], str]
"""From the path that a caller asked for to the path on the embedded AWS."""

_CHUNK_BYTES = 64 * 1024
_ANSWER_SECONDS = 60
# The embedded AWS closes connections that were idle for five seconds.
_REUSE_SECONDS = 3
_HOP_BY_HOP = {
    "connection", "expect", "host", "keep-alive", "proxy-authenticate", "proxy-authorization", "te",
    "trailer", "transfer-encoding", "upgrade",
}  # fmt: skip


class Front:
    """A proxy that listens until `stop`.

    Args:
        port: the port on the addresses; 0 for any that is free.
        upstream: host and port of the embedded AWS.
        host: the Host header to send to the embedded AWS, or None for the caller's.
    """

    def __init__(
        self,
        port: int,
        upstream: tuple[str, int],
        route: Route,
        *,
        host: str | None,
        addresses: tuple[str, ...] = ("127.0.0.1", "::1"),
    ) -> None:
        self._servers = [_Server(addresses[0], port, upstream, route, host)]
        for address in addresses[1:]:
            try:
                self._servers.append(_Server(address, port, upstream, route, host))
            except OSError:  # no IPv6 here
                continue
        for server in self._servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        """The port of the first address."""
        return int(self._servers[0].server_address[1])

    def stop(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(
        self, address: str, port: int, upstream: tuple[str, int], route: Route, host: str | None
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.upstream, self.route, self.host = upstream, route, host
        super().__init__((address, port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Do not log callers that close the connection."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # one packet for the head and a small body
    server: _Server

    def setup(self) -> None:
        super().setup()
        self._connection: HTTPConnection | None = None
        self._used_at = 0.0

    def finish(self) -> None:
        super().finish()
        self._hang_up()

    def _forward(self) -> None:
        try:
            response = self._ask()
        except (ValueError, UnicodeError):
            self._refuse(400, "invalid_request", "This request is not well-formed HTTP.")
        except (OSError, HTTPException) as error:
            reason = f"The embedded AWS did not answer ({type(error).__name__})."
            self._refuse(502, "internal", reason)
        else:
            self._answer(response)

    def __getattr__(self, name: str) -> Any:
        """The base class looks up `do_GET` and so on; all methods are forwarded."""
        if name.startswith("do_"):
            return self._forward
        raise AttributeError(name)

    def _ask(self) -> HTTPResponse:
        connection = self._upstream()
        path = self.server.route(self.path)
        connection.putrequest(self.command, path, skip_host=True, skip_accept_encoding=True)
        for name, value in self._headers():
            connection.putheader(name, value)
        connection.endheaders()
        try:
            for part in self._body():
                connection.send(part)
        except (
            BrokenPipeError
        ):  # a response before the whole request was sent: the body is too large
            self.close_connection = True
        return connection.getresponse()

    def _headers(self) -> Iterator[tuple[str, str]]:
        asked_for = self.headers.get("Host", "localhost")
        yield "Host", self.server.host or asked_for
        yield "X-Forwarded-For", self.client_address[0]
        yield "X-Forwarded-Host", asked_for
        yield "X-Forwarded-Proto", "http"
        if self._is_chunked:
            yield "Transfer-Encoding", "chunked"
        for name, value in self.headers.items():
            if name.lower() not in _HOP_BY_HOP and not name.lower().startswith("x-forwarded-"):
                yield name, value

    @property
    def _is_chunked(self) -> bool:
        return self.headers.get("Transfer-Encoding", "").lower() == "chunked"

    def _body(self) -> Iterator[bytes]:
        """The chunks of the request's body, in their original framing."""
        if self._is_chunked:
            while True:
                line = self.rfile.readline(_CHUNK_BYTES)
                size = int(line.split(b";")[0], 16)
                yield line + self.rfile.read(size) + self.rfile.readline(_CHUNK_BYTES)
                if size == 0:
                    return
        rest = int(self.headers.get("Content-Length") or 0)
        while rest:
            part = self.rfile.read(min(rest, _CHUNK_BYTES))
            if not part:
                raise ConnectionError("the caller hung up")
            rest -= len(part)
            yield part

    def _answer(self, response: HTTPResponse) -> None:
        self.send_response_only(response.status, response.reason)
        for name, value in response.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        # No length and some body: it has to be cut into chunks again.
        chunked = response.length is None and self.command != "HEAD"
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while part := response.read1(_CHUNK_BYTES):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
            if chunked:
                self.wfile.flush()
        if chunked:
            self.wfile.write(b"0\r\n\r\n")
        self._used_at = time.monotonic()
        if response.will_close:
            self._hang_up()

    def _refuse(self, status: int, code: str, message: str) -> None:
        """Respond with an error envelope of the proxy itself."""
        self._hang_up()
        self.close_connection = True
        body = f'{{"error":{{"code":"{code}","message":"{message}","requestId":"front"}}}}'.encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _upstream(self) -> HTTPConnection:
        """The connection to the embedded AWS for this caller; reused until it may be closed."""
        if time.monotonic() - self._used_at > _REUSE_SECONDS:
            self._hang_up()
        if self._connection is None:
            host, port = self.server.upstream
            self._connection = HTTPConnection(host, port, timeout=_ANSWER_SECONDS)
        return self._connection

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the base class's
        """Do nothing: the embedded AWS logs the requests."""
