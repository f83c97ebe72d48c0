"""A small HTTP connection pool for the authorizer, built on the standard library."""

import select
import ssl
from collections import defaultdict
from functools import cache
from http.client import HTTPConnection, HTTPSConnection
from urllib.parse import urlsplit

from craftkit.config import config

ROOTS = f"{__file__.rpartition('/')[0]}/amazon_roots.pem"
"""The roots that the certificates of AWS's endpoints lead to."""

_idle: defaultdict[str, list[HTTPConnection]] = defaultdict(list)
"""Idle connections by URL. A connection in use is not in the list."""


def post(
    url: str, headers: dict[str, str], body: bytes, *, connect_seconds: float, read_seconds: float
) -> tuple[int, bytes]:
    """POST to the root of `url`: the answer's status and body.

    Raises:
        OSError, http.client.HTTPException: there was no complete response.
    """
    connection = _connection_to(url, connect_seconds)
    try:
        connection.sock.settimeout(read_seconds)
        connection.request("POST", "/", body, headers)
        answer = connection.getresponse()
        data = answer.read()
    except BaseException:  # the rest of the response must not be read by a later request
        connection.close()
        raise
    if not answer.will_close:
        _idle[url].append(connection)
    return answer.status, data


def _connection_to(url: str, connect_seconds: float) -> HTTPConnection:
    while _idle[url]:
        kept = _idle[url].pop()
        if not _is_over(kept):
            return kept
        kept.close()
    address = urlsplit(url)
    made = (
        HTTPSConnection(address.netloc, timeout=connect_seconds, context=tls_context(url))
        if address.scheme == "https"
        else HTTPConnection(address.netloc, timeout=connect_seconds)
    )
    made.connect()
    return made


def _is_over(connection: HTTPConnection) -> bool:
    """Whether the server closed the connection, as it does while an environment is frozen."""
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))


def tls_context(url: str) -> ssl.SSLContext:
    """The certificate authorities that an endpoint's certificate may lead to.

    Those of `AWS_CA_BUNDLE`, if it is set. Else, for an endpoint of AWS, the roots of Amazon Trust
    Services, because the system's store takes longer to read than a TLS handshake.
    """
    host = urlsplit(url).hostname or ""
    bundle = config.ca_bundle or (ROOTS if host.endswith(".amazonaws.com") else None)
    return _context_of(bundle)


@cache
def _context_of(bundle: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=bundle)
