"""Encrypts the secrets that must be readable again, with the stage's KMS key.

A secret is sealed for one owner (the encryption context), so that what is copied into another's
row does not open there. Who may seal and who may open is said by IAM, each apart.
"""

from craftkit import kms
from craftkit.config import config
from craftkit.process_cache import process_cache


def connect() -> None:
    """Make the client now, before several threads use it."""
    kms.client()


def seal(secret: str, *, owner: str) -> bytes:
    """The encrypted secret. `owner`, the id of what it belongs to, is its encryption context."""
    answer = kms.client().encrypt(
        KeyId=config.vault_key, Plaintext=secret.encode(), EncryptionContext={"owner": owner}
    )
    return answer["CiphertextBlob"]


@process_cache
def unseal(sealed: bytes, *, owner: str) -> str:
    """Decrypt a secret that `seal` encrypted for the same owner. Cached in this process."""
    answer = kms.client().decrypt(
        KeyId=config.vault_key, CiphertextBlob=sealed, EncryptionContext={"owner": owner}
    )
    return answer["Plaintext"].decode()
