"""Where a webhook may go. Asked when an endpoint is registered, and again at each delivery."""

from craftkit.config import config
from craftkit.network import Policy

DEADLINE_SECONDS = 15
RESPONSE_LIMIT_BYTES = 4096


def policy() -> Policy:
    """Public https, no redirect, 15 seconds for everything together, 4 KiB of the answer.

    The local stage alone also has plain http and private addresses, for receivers that are being
    written.
    """
    is_private = config.has_private_webhooks
    return Policy(
        schemes=frozenset({"https", "http"} if is_private else {"https"}),
        max_bytes=RESPONSE_LIMIT_BYTES,
        deadline_seconds=DEADLINE_SECONDS,
        truncate=True,
        allow_private=is_private,
    )
