"""A certificate authority for TLS servers on loopback: root, intermediate, and a server's key."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

_BITS = 2048
_LIFE = timedelta(days=1)


class Authority:
    """Its certificates are of the kind that DynamoDB's are: RSA with 2,048 bits and SHA-256.

    Args:
        folder: where the files of the authority are written.
    """

    def __init__(self, folder: Path) -> None:
        self._root_key = rsa.generate_private_key(65537, _BITS)
        self._root = _certificate("Test Root", self._root_key, None, self._root_key, is_ca=True)
        middle_key = rsa.generate_private_key(65537, _BITS)
        middle = _certificate("Test CA", middle_key, self._root, self._root_key, is_ca=True)
        server_key = rsa.generate_private_key(65537, _BITS)
        server = _certificate("127.0.0.1", server_key, middle, middle_key, is_ca=False)
        self.root_pem = self._root.public_bytes(Encoding.PEM).decode()
        self._chain = folder / "chain.pem"
        key = server_key.private_bytes(
            Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
        )
        chain = [server.public_bytes(Encoding.PEM), middle.public_bytes(Encoding.PEM)]
        self._chain.write_bytes(b"".join([key, *chain]))

    def server_context(self) -> ssl.SSLContext:
        """The context of a server at 127.0.0.1."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._chain)
        return context


def _certificate(
    name: str, key: Any, issuer: x509.Certificate | None, issuer_key: Any, *, is_ca: bool
) -> x509.Certificate:
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _LIFE)
        .not_valid_after(now + _LIFE)
        .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
        .add_extension(
            x509.KeyUsage(not is_ca, False, not is_ca, False, False, is_ca, is_ca, False, False),
            critical=True,
        )
    )
    if not is_ca:
        address = x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))])
        made = made.add_extension(address, critical=False)
    return made.sign(issuer_key, hashes.SHA256())
