"""Encrypted cursors of lists. A caller can return a cursor, but cannot read or forge one.

Fernet (AES-128-CBC with HMAC-SHA256) with a key derived from a secret of the stage. A cursor is
bound to its list, so that another project cannot use it.
"""

import base64
import hashlib
import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from craftkit import settings
from craftkit.config import config
from craftkit.errors import InvalidCursorError


def seal(position: dict[str, Any], scope: str) -> str:
    """An opaque cursor for `position` (DynamoDB's LastEvaluatedKey) in the list named `scope`.

    `scope` names the list and its filters, such as `renders/<project>/<status>`.
    """
    text = json.dumps({"scope": scope, "position": position}, separators=(",", ":"))
    return _fernet().encrypt(text.encode()).decode().rstrip("=")


def unseal(cursor: str, scope: str) -> dict[str, Any]:
    """The position in a cursor that `seal` made for the same `scope`.

    Raises:
        InvalidCursorError: not a cursor, of another list, or from before the secret was rotated.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        content = json.loads(_fernet().decrypt(padded.encode()))
    except (InvalidToken, ValueError) as error:
        raise InvalidCursorError from error
    if content["scope"] != scope:
        raise InvalidCursorError
    return dict(content["position"])


def _fernet() -> Fernet:
    secret = settings.secret(config.cursor_secret)
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()))
