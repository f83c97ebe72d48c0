"""Adds a seal to a PDF: a PAdES signature in an incremental update.

The bytes of the unsealed document stay as they are, at the start of the sealed one. The key is
elsewhere: `Signing.sign` is given the signed attributes, a few hundred bytes that hold the digest
of the document and nothing else of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

from asn1crypto import algos, pem, tsp, x509
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko.sign.signers.pdf_cms import Signer
from pyhanko.sign.timestamps.api import TimeStamper
from pyhanko.stamp.noop import NoOpStampStyle
from pyhanko_certvalidator.registry import SimpleCertificateStore

from pdf_seals import structure
from pdf_seals.keys import mechanism_of, verify

FIELD_NAME = "Seal"
_DIGEST = "sha256"
_TIMESTAMP_BYTES = 8192
"""Space for a timestamp token. Those of public servers have 3 to 7 KB with their certificates."""

_OVERHEAD_BYTES = 2048


class FieldError(Exception):
    """The field lies outside of the document; the message says where its pages end."""


@dataclass(frozen=True)
class Field:
    """A visible field, in points from the page's upper left corner. Page -1 is the last one."""

    page: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Signing:
    """What signs.

    Args:
        chain: certificates as PEM, the signer's first.
        sign: the signature of what it is given, with SHA-256: ECDSA in DER, or RSA by PKCS #1 v1.5.
        timestamp: the answer of the timestamp server to a request (RFC 3161), both in DER; None
            without a server.
    """

    chain: str
    sign: Callable[[bytes], bytes]
    timestamp: Callable[[bytes], bytes] | None = None


@dataclass(frozen=True)
class Request:
    """What a seal says. `draw` makes the page for a visible field, of width and height in points,
    as PDF."""

    reason: str | None = None
    location: str | None = None
    field: Field | None = None
    draw: Callable[[float, float], bytes] | None = None


def seal(pdf: bytes, request: Request, signing: Signing) -> bytes:
    """The sealed PDF.

    Raises:
        FieldError: the field is not on a page of the document.
        ValueError: the signature is not one of the certificate's key.
        Exception: whatever `sign` and `timestamp` raise.
    """
    writer = _Writer(BytesIO(pdf))
    structure.add_field(writer, FIELD_NAME, request.field, request.draw)
    certificates = read_chain(signing.chain)
    metadata = signers.PdfSignatureMetadata(
        field_name=FIELD_NAME,
        md_algorithm=_DIGEST,
        subfilter=fields.SigSeedSubFilter.PADES,
        reason=request.reason,
        location=request.location,
        # The certificate was checked when it was stored. Some authorities set neither bit.
        signer_key_usage=set(),
    )
    signer = signers.PdfSigner(
        metadata,
        _RemoteSigner(certificates, signing.sign),
        timestamper=_Timestamps(signing.timestamp) if signing.timestamp else None,
        stamp_style=NoOpStampStyle(),
    )
    size = sum(len(certificate.dump()) for certificate in certificates) + _OVERHEAD_BYTES
    size += _TIMESTAMP_BYTES if signing.timestamp else 0
    output = BytesIO()
    signer.sign_pdf(writer, existing_fields_only=True, bytes_reserved=2 * size, output=output)
    return output.getvalue()


def read_chain(text: str) -> list[x509.Certificate]:
    """The certificates of a PEM text, in its order."""
    return [
        x509.Certificate.load(der) for _, _, der in pem.unarmor(text.encode("ascii"), multiple=True)
    ]


class _Writer(IncrementalPdfFileWriter):  # type: ignore[misc]
    def _update_meta(self) -> None:
        """Leave the metadata as it is. pyHanko would write it anew with the present time, and the
        names of PDF/A and Factur-X in another form, which their readers do not expect."""


class _RemoteSigner(Signer):  # type: ignore[misc]
    """A signer whose key is in KMS. Its signature is verified before it is used."""

    def __init__(
        self, certificates: list[x509.Certificate], sign: Callable[[bytes], bytes]
    ) -> None:
        first, *others = certificates
        registry = SimpleCertificateStore()
        registry.register_multiple(others)
        super().__init__(
            signing_cert=first,
            cert_registry=registry,
            signature_mechanism=algos.SignedDigestAlgorithm({"algorithm": mechanism_of(first)}),
        )
        self._sign = sign

    async def async_sign_raw(
        self,
        data: bytes,
        digest_algorithm: str,  # noqa: ARG002 pyHanko's interface
        dry_run: bool = False,
    ) -> bytes:
        if dry_run:
            return bytes(512)
        signature = self._sign(data)
        certificate = self.signing_cert
        if certificate is None or not verify(certificate, signature, data):
            raise ValueError("the signature was not made with the key of the certificate")
        return signature


class _Timestamps(TimeStamper):  # type: ignore[misc]
    def __init__(self, call: Callable[[bytes], bytes]) -> None:
        super().__init__()
        self._call = call

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        return tsp.TimeStampResp.load(self._call(req.dump()))
