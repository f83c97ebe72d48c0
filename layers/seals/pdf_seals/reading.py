"""The seals of any PDF: who signed, when, whether it is intact, and whether more was added since.

Nothing in the file is trusted. Trust is in certificates alone that the caller names; no chain is
followed and no server is asked. Each signature's bytes are checked as well as its cryptography: a
change in the space that a signature does not cover is found too.
"""

import hashlib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from asn1crypto import cms, tsp, x509
from pyhanko.pdf_utils.decode_limits import (
    DecodeLimits,
    DocumentDecodeBudget,
    StreamDecodeLimits,
)
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import enumerate_sig_fields
from pyhanko.sign.validation.generic_cms import (
    extract_certs_for_validation,
    extract_signer_info,
    validate_sig_integrity,
)

from pdf_seals.bounds import BoundsError, bounded

READ_SECONDS = 5.0
READ_BYTES = 512 * 1024 * 1024
SEALS_LIMIT = 50
"""Signatures that are read of one document."""

_MIB = 1024 * 1024
_LIMITS = DecodeLimits(
    per_stream=StreamDecodeLimits(max_output_size=64 * _MIB),
    document_budget=DocumentDecodeBudget(base_allowance=128 * _MIB, max_ratio=20),
)
_HEADER_BYTES = 1024
_BYTE_RANGE = re.compile(
    rb"/ByteRange\s*\[\s*(\d{1,10})\s+(\d{1,10})\s+(\d{1,10})\s+(\d{1,10})\s*\]"
)
_PADES = "/ETSI.CAdES.detached"


class UnreadableError(Exception):
    """The file is no PDF, is damaged, or takes too much to read; the message says which."""


@dataclass(frozen=True)
class Seal:
    """One signature.

    Args:
        signer: the common name of the certificate; None where it cannot be read.
        at: when the signer says that it signed.
        level: `B-B`, `B-T` or `B-LT` of PAdES; None for signatures of another form.
        intact: the signed bytes are as they were signed, and the signature is of the certificate.
        trusted: intact, by a certificate that the caller named, while it was valid.
        covers_all: the signed bytes are the whole file.
    """

    signer: str | None = None
    at: datetime | None = None
    level: str | None = None
    intact: bool = False
    trusted: bool = False
    covers_all: bool = False


@dataclass(frozen=True)
class Reading:
    """What a PDF says of itself. `created_at` is its creation time, to the second."""

    seals: tuple[Seal, ...]
    created_at: datetime | None

    @property
    def changed_since(self) -> bool | None:
        """Whether it was changed since the last seal; None without a seal."""
        if not self.seals:
            return None
        return not (all(seal.intact for seal in self.seals) and self.seals[-1].covers_all)


def read_seals(pdf: bytes, trusted: Collection[str] = ()) -> Reading:
    """The signatures of a PDF, in the order in which they were made.

    Args:
        trusted: SHA-256 fingerprints of certificates, in lower-case hexadecimal.

    Raises:
        UnreadableError: the file is no PDF, or takes too much time or memory to read.
    """
    if b"%PDF-" not in pdf[:_HEADER_BYTES]:
        raise UnreadableError("It does not begin as a PDF does.")
    try:
        with bounded(READ_SECONDS, READ_BYTES):
            return _read(pdf, frozenset(trusted))
    except BoundsError as error:
        raise UnreadableError(f"To read it is given up: {error}.") from None


def _read(pdf: bytes, trusted: frozenset[str]) -> Reading:
    declared = [tuple(map(int, match.groups())) for match in _BYTE_RANGE.finditer(pdf)]
    created_at, fields = None, []
    try:
        reader = PdfFileReader(BytesIO(pdf), strict=False, decode_limits=_LIMITS)
        if reader.encrypted:
            raise UnreadableError("It is encrypted.")
        created_at = _created_at(reader)
        fields = [field for _, _, field in enumerate_sig_fields(reader, filled_status=True)]
    except UnreadableError:
        raise
    except Exception as error:
        # A changed byte can make the file unreadable. Its signatures are then not intact.
        if not declared:
            raise UnreadableError("It is damaged.") from error
    found = [(_range_of(field), _seal_of(pdf, field, trusted)) for field in fields[:SEALS_LIMIT]]
    # A signature that the structure no longer leads to.
    known = {span for span, _ in found}
    found += [(span, Seal()) for span in declared[:SEALS_LIMIT] if span not in known]
    found.sort(key=lambda pair: sum(pair[0][2:]) if pair[0] else len(pdf))
    return Reading(tuple(seal for _, seal in found), created_at)


def _range_of(reference: Any) -> tuple[int, ...]:
    try:
        span = reference.get_object()["/V"]["/ByteRange"]
        return tuple(int(each) for each in span)
    except Exception:
        return ()


def _seal_of(pdf: bytes, reference: Any, trusted: frozenset[str]) -> Seal:
    try:
        value = reference.get_object()["/V"]
        start, size, resumed, rest = (int(each) for each in value["/ByteRange"])
        contents = bytes(value.raw_get("/Contents"))
        is_exact = (
            start == 0
            and 0 < size < resumed <= resumed + rest <= len(pdf)
            and _is_canonical(pdf[size:resumed], contents)
        )
        content: Any = cms.ContentInfo.load(contents)
        is_exact = is_exact and _is_plain(content)
        signed: Any = content["content"]
        info: Any = extract_signer_info(signed)
        certificate: Any = extract_certs_for_validation(signed).signer_cert
    except Exception:
        return Seal()
    seal = Seal(signer=_name_of(certificate), at=_time_of(value))
    try:
        digest = hashlib.new(info["digest_algorithm"]["algorithm"].native)
        digest.update(pdf[:size])
        digest.update(pdf[resumed : resumed + rest])
        matches, valid = validate_sig_integrity(info, certificate, "data", digest.digest())
        is_pades = _names_certificate(info, certificate)
        intact = bool(is_exact and matches and valid and is_pades is not False)
        is_pades = bool(is_pades) and str(value.get("/SubFilter", "")) == _PADES
        return replace(
            seal,
            level=_level_of(pdf, info) if is_pades else None,
            intact=intact,
            trusted=intact and _is_trusted(certificate, seal.at, trusted),
            covers_all=resumed + rest == len(pdf),
        )
    except Exception:
        return seal


def _is_plain(content: Any) -> bool:
    """Whether the parts around the signature, which nothing signs, are as RFC 5652 has them."""
    signed = content["content"]
    [info] = signed["signer_infos"]
    by_number = info["sid"].name == "issuer_and_serial_number"
    version = "v1" if by_number else "v3"
    # Attribute certificates, of which a seal has none, raise the version.
    has_others = any(each.name != "certificate" for each in signed["certificates"])
    [algorithm] = signed["digest_algorithms"]
    parts = content["content_type"].dump() + content["content"].dump()
    return bool(
        content.contents == parts  # a longer one takes some of the zeros after it
        and content["content_type"].native == "signed_data"
        and signed["encap_content_info"]["content_type"].native == "data"
        and info["version"].native == version
        and (has_others or signed["version"].native == version)
        and algorithm["algorithm"].native == info["digest_algorithm"]["algorithm"].native
        and algorithm["parameters"].native is None
    )


def _is_canonical(gap: bytes, contents: bytes) -> bool:
    """Whether the space that is not signed holds the signature and zeros, and nothing else.

    Hexadecimal has two forms of each letter, and zeros after the signature are not read: a change
    there would go unnoticed.
    """
    written = gap[1:-1]
    if gap[:1] != b"<" or gap[-1:] != b">" or len(written) != 2 * len(contents):
        return False
    encoded = contents.hex().encode()
    if written not in (encoded, encoded.upper()):
        return False
    length = len(cms.ContentInfo.load(contents, strict=False).dump())
    return not any(contents[length:])


def _name_of(certificate: x509.Certificate) -> str | None:
    names: dict[str, Any] = certificate.subject.native
    name = names.get("common_name") or names.get("organization_name")
    return name[:200] if isinstance(name, str) else None


def _time_of(value: Any) -> datetime | None:
    return _moment(value["/M"]) if "/M" in value else None


def _names_certificate(info: Any, certificate: x509.Certificate) -> bool | None:
    """Whether the signed attributes name this certificate by its hash; None if they name none."""
    for attribute in info["signed_attrs"]:
        if attribute["type"].native == "signing_certificate_v2":
            named = attribute["values"][0]["certs"][0]
            algorithm = named["hash_algorithm"]["algorithm"].native
            wanted = hashlib.new(algorithm, certificate.dump()).digest()
            return bool(named["cert_hash"].native == wanted)
    return None


def _level_of(pdf: bytes, info: Any) -> str:
    if not any(map(_is_timestamp, _timestamps_of(info), [info] * SEALS_LIMIT)):
        return "B-B"
    return "B-LT" if re.search(rb"/DSS\b", pdf) else "B-T"


def _timestamps_of(info: Any) -> Iterator[Any]:
    for attribute in info["unsigned_attrs"]:
        if attribute["type"].native == "signature_time_stamp_token":
            yield from attribute["values"]


def _is_timestamp(token: Any, info: Any) -> bool:
    """Whether the token is a timestamp of this signature. Who made it is not checked."""
    signed: Any = token["content"]
    encapsulated: Any = signed["encap_content_info"]["content"]
    facts: Any = tsp.TSTInfo.load(encapsulated.parsed.dump())
    imprint = facts["message_imprint"]
    algorithm = imprint["hash_algorithm"]["algorithm"].native
    if (
        imprint["hashed_message"].native
        != hashlib.new(algorithm, info["signature"].native).digest()
    ):
        return False
    signer: Any = extract_signer_info(signed)
    certificate: Any = extract_certs_for_validation(signed).signer_cert
    digest = hashlib.new(signer["digest_algorithm"]["algorithm"].native, bytes(encapsulated))
    return all(validate_sig_integrity(signer, certificate, "tst_info", digest.digest()))


def _is_trusted(certificate: Any, at: datetime | None, trusted: frozenset[str]) -> bool:
    validity = certificate["tbs_certificate"]["validity"]
    return (
        certificate.sha256.hex() in trusted
        and at is not None
        and validity["not_before"].native <= at <= validity["not_after"].native
    )


def _created_at(reader: PdfFileReader) -> datetime | None:
    trailer = reader.trailer  # it has no `get`
    if "/Info" not in trailer or "/CreationDate" not in trailer["/Info"]:
        return None
    return _moment(trailer["/Info"]["/CreationDate"])


_DATE = re.compile(r"D:(\d{14})(?:Z|([+-])(\d{2})'?(\d{2})?'?)?")


def _moment(value: Any) -> datetime | None:
    """A date of PDF, such as `D:20261124120000Z` or `D:20261124130000+01'00'`.

    None for a time at which no document was made: callers add to it and subtract from it.
    """
    found = _DATE.match(str(value))
    if found is None:
        return None
    digits, sign, hours, minutes = found.groups()
    offset = f"{sign}{hours}:{minutes or '00'}" if sign else "+00:00"
    try:
        moment = datetime.strptime(f"{digits}{offset}", "%Y%m%d%H%M%S%z").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if 1970 < moment.year < 9999 else None
