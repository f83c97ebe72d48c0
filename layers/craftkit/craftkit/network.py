"""HTTP calls to URLs that callers chose, restricted to public addresses (protection from SSRF).

A host is resolved once, each of its addresses is checked, and the connection goes to a checked
address. This prevents DNS rebinding. Images and outgoing webhooks use this module, and no other
code calls a URL that a caller chose.
"""

import http.client
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from threading import Thread, Timer
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from craftkit.public_addresses import is_public

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ADDRESSES_TRIED = 3
_CHUNK_BYTES = 64 * 1024
_URL_LIMIT = 8192
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_-]+)*\.?")
_PATH_CHARACTERS = "/%:@!$&'()*+,;=~-._?"


class FetchError(Exception):
    """The call failed. The message says why, and holds nothing of the response."""


class BlockedTargetError(FetchError):
    """The URL, or an address of its host, is not allowed."""


@dataclass(frozen=True)
class Policy:
    """What one kind of call may do.

    Args:
        max_bytes: of the response body.
        deadline_seconds: for the whole call, from resolving the host to the last byte.
        redirects: how many are followed; each is checked like the first URL.
        truncate: keep the first `max_bytes` of a longer body instead of failing.
        allow_private: allow private and loopback addresses; only for the local stage.
        received: called with the size of each part of a body; may raise `FetchError` to stop.
    """

    schemes: frozenset[str]
    max_bytes: int
    deadline_seconds: float
    redirects: int = 0
    truncate: bool = False
    allow_private: bool = False
    received: Callable[[int], None] = lambda _size_bytes: None


@dataclass(frozen=True)
class Upload:
    """A body that is sent part by part, so that it is never in memory as a whole.

    `parts` is read once: a policy for uploads allows no redirects.
    """

    size_bytes: int
    parts: Iterator[bytes]

    def __len__(self) -> int:
        return self.size_bytes


@dataclass(frozen=True)
class Fetched:
    """A response of any status. Headers are by lower-case name; the last of equal ones counts."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed_ms: int


def resolve(host: str, port: int) -> list[str]:
    """The addresses behind a host name, as the system's resolver gives them."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in answers]


def connect(address: str, port: int, timeout_seconds: float) -> socket.socket:
    return socket.create_connection((address, port), timeout=timeout_seconds)


@cache
def tls_context() -> ssl.SSLContext:
    """A TLS context that verifies certificates and host names, with TLS 1.2 or later."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@dataclass(frozen=True)
class Network:
    """The functions that reach the network; tests replace them."""

    resolve: Callable[[str, int], Sequence[str]] = resolve
    connect: Callable[[str, int, float], socket.socket] = connect
    tls_context: Callable[[], ssl.SSLContext] = tls_context
    monotonic: Callable[[], float] = time.monotonic


class _Response(http.client.HTTPResponse):
    def _read_next_chunk_size(self) -> int:
        """Refuse a negative chunk size; the standard library would read without a limit."""
        size: int = super()._read_next_chunk_size()  # type: ignore[misc]
        if size < 0:
            raise http.client.HTTPException("a negative chunk size")
        return size


@dataclass
class _Call:
    """One call: its request, its policy, and when it started."""

    policy: Policy
    network: Network
    method: str = "GET"
    body: bytes | Upload | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    started: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.network.monotonic()

    @property
    def elapsed_seconds(self) -> float:
        return self.network.monotonic() - self.started

    def remaining_seconds(self) -> float:
        remaining = self.policy.deadline_seconds - self.elapsed_seconds
        if remaining <= 0:
            raise self.passed()
        return remaining

    def passed(self) -> FetchError:
        return FetchError(f"no answer within {self.policy.deadline_seconds:g} seconds")


def fetch(
    url: str,
    policy: Policy,
    method: str = "GET",
    body: bytes | Upload | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    network: Network | None = None,
) -> Fetched:
    """Call a URL under a policy.

    Raises:
        BlockedTargetError: the URL or an address of its host is not allowed.
        FetchError: unreachable, too slow, too large, incomplete, or too many redirects.
    """
    call = _Call(policy, network or Network(), method, body, headers or {})
    for _ in range(policy.redirects + 1):
        target = _target(url, policy)
        answer = _answer(target, _addresses(target, call), call)
        location = answer.headers.get("location")
        if not (policy.redirects and answer.status in _REDIRECTS and location):
            return answer
        try:
            url = urljoin(url, location)
        except ValueError as error:
            raise BlockedTargetError("the URL is malformed") from error
    raise FetchError(f"more than {policy.redirects} redirects")


def check(url: str, policy: Policy, *, network: Network | None = None) -> None:
    """Check a URL and the addresses of its host as `fetch` does, without a call.

    Raises:
        BlockedTargetError, FetchError: as `fetch`.
    """
    _addresses(_target(url, policy), _Call(policy, network or Network()))


def _target(url: str, policy: Policy) -> SplitResult:
    if len(url) > _URL_LIMIT or any(character <= " " or character == "\x7f" for character in url):
        raise BlockedTargetError("the URL is malformed")
    try:
        target = urlsplit(url)
        host, _ = _host(target), target.port
    except ValueError as error:
        raise BlockedTargetError("the URL is malformed") from error
    if target.scheme not in policy.schemes:
        raise BlockedTargetError("the URL is not " + " or ".join(sorted(policy.schemes)))
    if target.username is not None or target.password is not None:
        raise BlockedTargetError("the URL holds a user name or password")
    if ":" not in host and not _HOST.fullmatch(host):
        raise BlockedTargetError("the URL has no valid host name")
    return target


def _port(target: SplitResult) -> int:
    return target.port or (443 if target.scheme == "https" else 80)


def _host(target: SplitResult) -> str:
    """The host in ASCII (IDNA). Raises ValueError if it cannot be encoded."""
    host = target.hostname or ""
    return host if ":" in host else host.encode("idna").decode()


def _addresses(target: SplitResult, call: _Call) -> list[str]:
    """The addresses to try. One address that is not allowed blocks the host."""
    found: list[str] = []
    failed: list[Exception] = []

    def look_up() -> None:
        try:
            found.extend(call.network.resolve(_host(target), _port(target)))
        except (OSError, UnicodeError) as error:
            failed.append(error)

    # The system's resolver cannot be interrupted, so it runs in a thread that may be abandoned.
    thread = Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(call.remaining_seconds())
    if thread.is_alive():
        raise call.passed()
    if failed or not found:
        raise FetchError("the host is not known")
    if not call.policy.allow_private and not all(map(is_public, found)):
        raise BlockedTargetError("the host is not on the public internet")
    return list(dict.fromkeys(found))[:_ADDRESSES_TRIED]


def _answer(target: SplitResult, addresses: Sequence[str], call: _Call) -> Fetched:
    try:
        connection = _connect(addresses, _port(target), call)
        with connection, _cut_off(connection, call) as is_cut_off:
            try:
                return _exchange(target, connection, call)
            except (OSError, http.client.HTTPException):
                if is_cut_off():
                    raise call.passed() from None
                raise
    except TimeoutError as error:
        raise call.passed() from error
    except ssl.SSLError as error:
        raise FetchError("the TLS connection failed") from error
    except OSError as error:
        raise FetchError("the host cannot be reached") from error
    except (http.client.HTTPException, ValueError) as error:
        raise FetchError("the response is not valid HTTP") from error


def _connect(addresses: Sequence[str], port: int, call: _Call) -> socket.socket:
    for address in addresses[:-1]:
        try:
            return call.network.connect(address, port, call.remaining_seconds() / 2)
        except OSError:
            continue
    return call.network.connect(addresses[-1], port, call.remaining_seconds())


@contextmanager
def _cut_off(connection: socket.socket, call: _Call) -> Iterator[Callable[[], bool]]:
    """Shut the connection down at the deadline.

    A socket's own time-out restarts with every byte, so a slow server could exceed the deadline.
    """
    fired = False
    twin = connection.dup()

    def shut_down() -> None:
        nonlocal fired
        fired = True
        try:
            twin.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    timer = Timer(call.remaining_seconds(), shut_down)
    timer.daemon = True
    timer.start()
    try:
        yield lambda: fired
    finally:
        timer.cancel()
        twin.close()


def _exchange(target: SplitResult, connection: socket.socket, call: _Call) -> Fetched:
    host, port = _host(target), _port(target)
    if target.scheme == "https":
        connection = call.network.tls_context().wrap_socket(connection, server_hostname=host)
    client = http.client.HTTPConnection(host, port)
    client.response_class = _Response
    client.sock = connection
    try:
        client.putrequest(call.method, _path(target), skip_host=True, skip_accept_encoding=True)
        netloc = f"[{host}]" if ":" in host else host
        sent = {"host": netloc if target.port is None else f"{netloc}:{port}"}
        sent |= {"accept": "*/*", "user-agent": "Craftkit/1", "connection": "close"}
        sent |= {name.lower(): value for name, value in call.headers.items()}
        if call.body is not None:
            sent["content-length"] = str(len(call.body))
        for name, value in sent.items():
            client.putheader(name, value)
        _send(client, call.body)
        answer = client.getresponse()
        content = _read(answer, call.policy)
    finally:
        client.close()
    call.remaining_seconds()
    return Fetched(
        status=answer.status,
        headers={name.lower(): value for name, value in answer.getheaders()},
        body=content,
        elapsed_ms=round(call.elapsed_seconds * 1000),
    )


def _send(client: http.client.HTTPConnection, body: bytes | Upload | None) -> None:
    if not isinstance(body, Upload):
        client.endheaders(body)
        return
    client.endheaders()
    try:
        for part in body.parts:
            client.send(part)
    except (BrokenPipeError, ConnectionResetError):
        return  # a server that refuses an upload responds before it has read it all


def _path(target: SplitResult) -> str:
    query = f"?{target.query}" if target.query else ""
    return quote((target.path or "/") + query, safe=_PATH_CHARACTERS)


def _read(answer: http.client.HTTPResponse, policy: Policy) -> bytes:
    announced = answer.length
    content = bytearray()
    while chunk := answer.read(min(_CHUNK_BYTES, policy.max_bytes + 1 - len(content))):
        content += chunk
        policy.received(len(chunk))
        if len(content) > policy.max_bytes:
            if policy.truncate:
                return bytes(content[: policy.max_bytes])
            raise FetchError(f"the answer is larger than {policy.max_bytes} bytes")
    if announced is not None and len(content) < announced:
        raise http.client.IncompleteRead(bytes(content), announced - len(content))
    return bytes(content)
