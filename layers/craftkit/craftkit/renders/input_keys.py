"""Encrypts the data of each render with a separate data key (AES-256-GCM).

The keys are in a table without backups and without point-in-time recovery. Once a render's key is
deleted, no backup, stream or copy of its row can be decrypted.
"""

import os
from typing import TYPE_CHECKING, Any

from craftkit import dynamodb
from craftkit.config import config
from craftkit.errors import NotFoundError
from craftkit.renders.models import Render

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_SEALED = b"\x01"
"""The first byte. zlib starts with 0x78: so does the data of rows that are not encrypted."""

_KEY_BYTES = 32
_NONCE_BYTES = 12


def seal(render: Render, content: bytes, expires_at: int) -> bytes:
    """The content, encrypted with a new key that is stored first.

    Args:
        expires_at: the TTL of the render's row, in epoch seconds.
    """
    key = new_key(render.project_id, render.id, expires_at)
    return seal_with(key, render.id, content)


def new_key(project_id: str, owner_id: str, expires_at: int) -> bytes:
    """A new key of a render or a batch, which is stored."""
    key = os.urandom(_KEY_BYTES)
    _table().put_item(Item={**_key_of(project_id, owner_id), "key": key, "expires_at": expires_at})
    return key


def seal_with(key: bytes, owner_id: str, content: bytes) -> bytes:
    """The content, encrypted with the key of this render or batch."""
    nonce = os.urandom(_NONCE_BYTES)
    return _SEALED + nonce + _cipher(key).encrypt(nonce, content, owner_id.encode())


def find_key(project_id: str, owner_id: str) -> bytes | None:
    """The key of a render or a batch; None once it was deleted or has expired."""
    found = _table().get_item(Key=_key_of(project_id, owner_id), ConsistentRead=True).get("Item")
    return bytes(found["key"]) if found else None


def unseal(project_id: str, owner_id: str, content: bytes) -> bytes:
    """The decrypted content of a render or a batch.

    Raises:
        NotFoundError: the key was deleted, or has expired.
    """
    if content[:1] != _SEALED:
        return content
    key = find_key(project_id, owner_id)
    if key is None:
        raise NotFoundError("The data of this render is no longer kept.")
    nonce, sealed = content[1 : 1 + _NONCE_BYTES], content[1 + _NONCE_BYTES :]
    return _cipher(key).decrypt(nonce, sealed, owner_id.encode())


def extend(project_id: str, render_id: str, expires_at: int) -> None:
    """Keep a key as long as its row, where there is one."""
    try:
        with dynamodb.conditions():
            _table().update_item(
                Key=_key_of(project_id, render_id),
                UpdateExpression="SET expires_at = :expires",
                ConditionExpression="attribute_exists(render_id)",
                ExpressionAttributeValues={":expires": expires_at},
            )
    except dynamodb.ConditionFailedError:
        return


def delete(project_id: str, render_id: str) -> None:
    _table().delete_item(Key=_key_of(project_id, render_id))


def _key_of(project_id: str, render_id: str) -> dict[str, str]:
    return {"project_id": project_id, "render_id": render_id}


def _cipher(key: bytes) -> "AESGCM":
    # Imported here: functions that neither write nor read data do not load it.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


def _table() -> Any:
    return dynamodb.table(config.render_keys_table)
