"""Signs deliveries by the Standard Webhooks specification."""

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
    """The headers of one attempt, signed with the attempt's own time.

    Receivers refuse timestamps older than five minutes, so a retry must not reuse the first one.

    Args:
        signing: every valid secret, the newest first; each adds one signature.
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
