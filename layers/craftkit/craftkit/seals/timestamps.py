"""The timestamp server (RFC 3161) that the operator has chosen, over the guarded network."""

from collections.abc import Callable
from functools import partial

from craftkit import network
from craftkit.config import config

_MEDIA_TYPE = "application/timestamp-query"


class TimestampUnavailableError(Exception):
    """The server gave no timestamp. The document may be sealed later."""


def caller() -> Callable[[bytes], bytes] | None:
    """What asks the stage's timestamp server; None where it has none."""
    url = config.timestamp_url
    return partial(call, url) if url else None


def call(url: str, request: bytes) -> bytes:
    """The server's answer to a request, both in DER.

    Raises:
        TimestampUnavailableError: it cannot be reached, or answers with an error.
    """
    policy = network.Policy(
        # Tokens are signed; many public servers have HTTP alone.
        schemes=frozenset({"http", "https"}),
        max_bytes=64 * 1024,
        deadline_seconds=5.0,
        allow_private=config.has_private_webhooks,
    )
    try:
        answer = network.fetch(url, policy, "POST", request, {"content-type": _MEDIA_TYPE})
    except network.FetchError as error:
        raise TimestampUnavailableError(f"The timestamp server: {error}.") from error
    if answer.status != 200:
        raise TimestampUnavailableError(f"The timestamp server answered {answer.status}.")
    return answer.body
