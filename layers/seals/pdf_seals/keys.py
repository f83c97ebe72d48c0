"""Signatures of the two kinds of key that seal: ECDSA on P-256, and RSA."""

from asn1crypto import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

_MECHANISMS = {"ec": "sha256_ecdsa", "rsa": "sha256_rsa"}


def mechanism_of(certificate: x509.Certificate) -> str:
    """The name of the algorithm that the certificate's key signs with.

    Raises:
        ValueError: it is neither an EC nor an RSA key.
    """
    name = certificate.public_key.algorithm
    if name not in _MECHANISMS:
        raise ValueError(f"a key of the kind {name} cannot seal")
    return _MECHANISMS[name]


def verify(certificate: x509.Certificate, signature: bytes, data: bytes) -> bool:
    """Whether the certificate's key has signed the data, with SHA-256."""
    key = load_der_public_key(certificate.public_key.dump())
    try:
        match key:
            case ec.EllipticCurvePublicKey():
                key.verify(signature, data, ec.ECDSA(SHA256()))
            case rsa.RSAPublicKey():
                key.verify(signature, data, padding.PKCS1v15(), SHA256())
            case _:
                return False
    except InvalidSignature:
        return False
    return True
