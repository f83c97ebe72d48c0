"""Verifies webhooks: Standard Webhooks, HMAC-SHA256."""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

from craftkit_sdk.errors import CraftkitError

TOLERANCE_SECONDS = 5 * 60


class InvalidSignatureError(CraftkitError):
    """The webhook was not signed with this secret, or is too old."""


class Webhooks:
    """`client.webhooks`. It sends no requests, so it needs no API key."""

    def verify(
        self,
        body: bytes | str,
        headers: Mapping[str, str],
        secret: str,
        *,
        now: float | None = None,
    ) -> dict[str, Any]:
        """Verify a webhook and return its event: `{"type", "timestamp", "data"}`.

        Args:
            body: the raw request body, unchanged.
            headers: the request's headers, in any case.
            secret: the endpoint's secret, `whsec_…`.

        Raises:
            InvalidSignatureError: not signed with this secret, or more than five minutes old.
        """
        lower = {name.lower(): value for name, value in headers.items()}
        raw = body.encode() if isinstance(body, str) else body
        try:
            id_, sent, signatures = (
                lower["webhook-id"],
                lower["webhook-timestamp"],
                lower["webhook-signature"],
            )
            age = (time.time() if now is None else now) - int(sent)
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except KeyError as error:
            raise InvalidSignatureError(f"The header {error.args[0]} is missing.") from error
        except (ValueError, binascii.Error) as error:
            raise InvalidSignatureError("The timestamp or the secret is malformed.") from error
        if abs(age) > TOLERANCE_SECONDS:
            raise InvalidSignatureError("The webhook is more than five minutes old.")
        signed = b".".join((id_.encode(), sent.encode(), raw))
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        candidates = [each.removeprefix("v1,") for each in signatures.split() if each[:3] == "v1,"]
        # All signatures are compared, so that the time does not depend on which one matches.
        if not any([hmac.compare_digest(expected, each) for each in candidates]):  # noqa: C419
            raise InvalidSignatureError("The signature does not match.")
        event: dict[str, Any] = json.loads(raw)
        return event
