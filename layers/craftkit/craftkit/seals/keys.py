"""The key that seals: an asymmetric key of KMS, which never leaves it."""

from typing import TYPE_CHECKING, cast

from craftkit import kms
from craftkit.config import config
from craftkit.seals.models import SealCertificate

if TYPE_CHECKING:
    from mypy_boto3_kms.literals import SigningAlgorithmSpecType

_ALGORITHMS = ("ECDSA_SHA_256", "RSASSA_PKCS1_V1_5_SHA_256")


def seal_key() -> str | None:
    """The ARN of the stage's key; None where the stage has none."""
    return config.seal_key


def sign(certificate: SealCertificate, content: bytes) -> bytes:
    """The signature of the certificate's key, with SHA-256. Raises as boto3 does."""
    return sign_with(certificate.key, certificate.algorithm, content)


def sign_with(key: str, algorithm: str, content: bytes) -> bytes:
    """The same with a key and KMS's name of an algorithm. KMS takes 4,096 bytes.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
    """
    answer = kms.client().sign(
        KeyId=key,
        Message=content,
        MessageType="RAW",
        SigningAlgorithm=cast("SigningAlgorithmSpecType", algorithm),
    )
    return answer["Signature"]


def public_key(key: str) -> tuple[bytes, str]:
    """The public half of a key in DER, and KMS's name of the algorithm that it signs with.

    Raises:
        ValueError: a key of a kind that cannot seal.
    """
    answer = kms.client().get_public_key(KeyId=key)
    for algorithm in _ALGORITHMS:
        if algorithm in answer["SigningAlgorithms"]:
            return answer["PublicKey"], algorithm
    raise ValueError("The key can make neither ECDSA signatures on P-256 nor RSA signatures.")
