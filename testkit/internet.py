"""A fake internet of socket pairs: hosts that resolve and respond inside the process."""

import re
import socket
import ssl
from collections.abc import Callable, Sequence
from threading import Thread

from craftkit.network import Network

Serve = Callable[[socket.socket, bytes], None]
"""Answers one request on a socket. Its argument is the head of the request."""

PUBLIC = "93.184.216.34"


def answering(
    body: bytes = b"",
    status: str = "200 OK",
    headers: Sequence[str] = (),
    length: int | None = None,
) -> Serve:
    """A server that sends one response and closes the connection."""
    size = len(body) if length is None else length
    head = [f"HTTP/1.1 {status}", f"Content-Length: {size}", *headers, "", ""]

    def serve(connection: socket.socket, _head: bytes) -> None:
        connection.sendall("\r\n".join(head).encode() + body)

    return serve


class Internet:
    """Hosts by name, with their addresses and responses.

    `calls` records each connection as (address, port), `heads` each request's head.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.calls: list[tuple[str, int]] = []
        self.heads: list[bytes] = []
        self.now = 0.0
        self._addresses: dict[str, list[str]] = {}
        self._servers: dict[str, Serve] = {}
        self._tls = tls
        self._hosts_of: dict[str, str] = {}

    def host(
        self, name: str, serve: Serve | None = None, addresses: Sequence[str] = (PUBLIC,)
    ) -> None:
        self._addresses[name] = list(addresses)
        for address in addresses:
            self._servers[address] = serve or answering()

    @property
    def network(self) -> Network:
        """The network for `fetch(…, network=…)`."""
        return Network(resolve=self._resolve, connect=self._connect)

    def _resolve(self, host: str, _port: int) -> list[str]:
        if host not in self._addresses:
            raise socket.gaierror(host)
        return self._addresses[host]

    def _connect(self, address: str, port: int, timeout_seconds: float) -> socket.socket:
        self.calls.append((address, port))
        ours, theirs = socket.socketpair()
        ours.settimeout(timeout_seconds)
        Thread(target=self._serve, args=(theirs, self._servers[address]), daemon=True).start()
        return ours

    def _serve(self, plain: socket.socket, serve: Serve) -> None:
        connection = plain
        try:
            if self._tls:
                connection = self._tls.wrap_socket(plain, server_side=True)
            with connection.makefile("rb") as stream:
                head = b"".join(iter(stream.readline, b"\r\n"))
                length = re.search(rb"content-length: (\d+)", head)
                stream.read(int(length[1]) if length else 0)
            self.heads.append(head)
            serve(connection, head)
        except OSError:
            return
        finally:
            connection.close()
