"""Certificates and certificate requests for a key that is in KMS.

`cryptography` signs with keys that it holds itself, so the structures are written here, and KMS
signs them.
"""

import hashlib
import secrets
from datetime import datetime
from typing import Any

from asn1crypto import algos, csr, pem, x509
from asn1crypto.keys import PublicKeyInfo

from craftkit.errors import InvalidRequestError
from craftkit.seals.keys import public_key, sign_with
from craftkit.seals.models import SealCertificate

_MECHANISMS = {
    "ECDSA_SHA_256": "sha256_ecdsa",
    "RSASSA_PKCS1_V1_5_SHA_256": "sha256_rsa",
}
_USES = {"digital_signature", "non_repudiation"}


def request_certificate(key: str, subject: dict[str, str]) -> str:
    """A certificate request (PKCS #10) in PEM for a key of KMS, signed by it."""
    public, algorithm = public_key(key)
    info = csr.CertificationRequestInfo(
        {
            "version": "v1",
            "subject": x509.Name.build(subject),
            "subject_pk_info": PublicKeyInfo.load(public),
            "attributes": [],
        }
    )
    request = csr.CertificationRequest(
        {
            "certification_request_info": info,
            "signature_algorithm": _mechanism(algorithm),
            "signature": _sign(key, algorithm, info.dump()),
        }
    )
    return str(pem.armor("CERTIFICATE REQUEST", request.dump()).decode())


def self_signed(
    key: str, subject: dict[str, str], not_before: datetime, not_after: datetime
) -> str:
    """A certificate in PEM that the key signs itself. Readers of PDF files do not trust it."""
    public, algorithm = public_key(key)
    name = x509.Name.build(subject)
    extensions = [
        ("basic_constraints", True, x509.BasicConstraints({"ca": False})),
        ("key_usage", True, x509.KeyUsage(_USES)),
        (
            "key_identifier",
            False,
            x509.OctetString(hashlib.sha1(public, usedforsecurity=False).digest()),
        ),
    ]
    certificate = x509.TbsCertificate(
        {
            "version": "v3",
            "serial_number": secrets.randbits(126) + 1,
            "signature": _mechanism(algorithm),
            "issuer": name,
            "validity": {
                "not_before": x509.Time({"utc_time": not_before.replace(microsecond=0)}),
                "not_after": x509.Time({"utc_time": not_after.replace(microsecond=0)}),
            },
            "subject": name,
            "subject_public_key_info": PublicKeyInfo.load(public),
            "extensions": [
                {"extn_id": kind, "critical": critical, "extn_value": value}
                for kind, critical, value in extensions
            ],
        }
    )
    signed = x509.Certificate(
        {
            "tbs_certificate": certificate,
            "signature_algorithm": _mechanism(algorithm),
            "signature_value": _sign(key, algorithm, certificate.dump()),
        }
    )
    return str(pem.armor("CERTIFICATE", signed.dump()).decode())


def read_certificate(text: str, key: str) -> SealCertificate:
    """The certificate of a PEM file, which may hold its issuers too, in any order.

    Raises:
        InvalidRequestError: it is no PEM, holds no certificate of the key, or holds one that may
            not sign.
    """
    public, algorithm = public_key(key)
    try:
        loaded = [
            x509.Certificate.load(der)
            for _, _, der in pem.unarmor(text.encode("ascii"), multiple=True)
        ]
        own = [each for each in loaded if each.public_key.dump() == public]
        others = [each for each in loaded if each.public_key.dump() != public]
        if not own:
            raise InvalidRequestError(
                "None of the certificates in this file is of this stage's key. Send the request of "
                "`craftkit seals request` to your certificate authority."
            )
        certificate = own[0]
        usage = certificate.key_usage_value
        if usage is not None and not usage.native & _USES:
            raise InvalidRequestError("The certificate does not allow signatures (key usage).")
        validity = certificate["tbs_certificate"]["validity"]
        subject = certificate.subject.native
        return SealCertificate(
            chain="".join(
                pem.armor("CERTIFICATE", each.dump()).decode() for each in (certificate, *others)
            ),
            subject=str(subject.get("common_name") or subject.get("organization_name") or ""),
            fingerprint=certificate.sha256.hex(),
            key=key,
            algorithm=algorithm,
            not_before=validity["not_before"].native,
            not_after=validity["not_after"].native,
        )
    except (ValueError, TypeError, UnicodeEncodeError) as error:
        raise InvalidRequestError("The file holds no certificate in PEM.") from error


def _mechanism(algorithm: str) -> Any:
    return algos.SignedDigestAlgorithm({"algorithm": _MECHANISMS[algorithm]})


def _sign(key: str, algorithm: str, content: bytes) -> bytes:
    return sign_with(key, algorithm, content)
