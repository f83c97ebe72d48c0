"""Encrypts the secrets that must be readable again, with the stage's KMS key.

A secret is sealed for one owner (the encryption context), so that what is copied into another's
row does not open there. Who may seal and who may open is said by IAM, each apart.
"""

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config as ClientConfig

from craftkit.config import config
from craftkit.process_cache import process_cache

if TYPE_CHECKING:
    from mypy_boto3_kms.client import KMSClient


@process_cache
def _kms() -> "KMSClient":
    return boto3.client(
        "kms",
        config=ClientConfig(
            connect_timeout=1,
            read_timeout=3,
            retries={"mode": "standard", "total_max_attempts": 4},
        ),
    )


def connect() -> None:
    """Make the client now, before several threads use it."""
    _kms()


def seal(secret: str, *, owner: str) -> bytes:
    """The encrypted secret. `owner`, the id of what it belongs to, is its encryption context."""
    answer = _kms().encrypt(
        KeyId=config.vault_key, Plaintext=secret.encode(), EncryptionContext={"owner": owner}
    )
    return answer["CiphertextBlob"]


@process_cache
def unseal(sealed: bytes, *, owner: str) -> str:
    """Decrypt a secret that `seal` encrypted for the same owner. Cached in this process."""
    answer = _kms().decrypt(
        KeyId=config.vault_key, CiphertextBlob=sealed, EncryptionContext={"owner": owner}
    )
    return answer["Plaintext"].decode()
