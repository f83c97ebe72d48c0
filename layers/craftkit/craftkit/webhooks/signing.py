"""Standard Webhooks: secrets, and the headers that prove where a delivery comes from."""

import base64
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook

_SECRET_BYTES = 32


def new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def headers_of(
    event_id: str, event_type: str, payload: str, signing: Sequence[str], now: datetime
) -> dict[str, str]:
    """The headers of one attempt: signed afresh, for the moment at which it is made.

    A receiver refuses what is older than five minutes; a retry of yesterday's event is not.

    Args:
        signing: every secret that is honoured; one signature each, the newest secret's first.
    """
    now = now.astimezone(UTC)
    signatures = [Webhook(secret).sign(event_id, now, payload) for secret in signing]
    return {
        "content-type": "application/json; charset=utf-8",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
        "x-craftkit-event": event_type,
    }
