"""The network policy of webhooks, checked at registration and at each delivery."""

from craftkit.config import config
from craftkit.network import Policy

DEADLINE_SECONDS = 15
RESPONSE_LIMIT_BYTES = 4096


def policy() -> Policy:
    """Public HTTPS, no redirects, 15 seconds in all, the first 4 KiB of the response.

    The local stage also allows HTTP and private addresses, for receivers in development.
    """
    is_private = config.has_private_webhooks
    return Policy(
        schemes=frozenset({"https", "http"} if is_private else {"https"}),
        max_bytes=RESPONSE_LIMIT_BYTES,
        deadline_seconds=DEADLINE_SECONDS,
        truncate=True,
        allow_private=is_private,
    )
