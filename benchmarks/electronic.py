"""Electronic invoices and seals: what the XML, the official rules, a seal and a verification take.

The key of seals is in memory here: the call of KMS is not measured.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import CertificateBuilder, Name, NameAttribute
from cryptography.x509.oid import NameOID

from benchmarks.measurement import Result, medians, milliseconds
from craftkit.invoices.models import InvoiceOptions
from craftkit.invoices.service import create_invoice
from craftkit.templates import gallery
from craftkit.templates.data import types, validate_data
from craftkit.typesetter import Job
from invoice_rules.reading import read_invoice
from pdf_seals.reading import read_seals
from pdf_seals.sealing import Request, Signing, seal
from typesetting import typeset, warm

ROUNDS = 40


def measure() -> Iterable[Result]:
    warm()
    entry = gallery.load("invoice")
    mapping = entry.manifest.invoice
    if mapping is None:
        raise ValueError("the gallery's invoice has no mapping")
    sample = json.loads((gallery.FOLDER / "invoice" / "data.json").read_text(encoding="utf-8"))
    sample["issuer"]["logo"] = None
    numbers = iter(range(10_000))

    def job() -> Job:
        data = validate_data(entry.manifest, sample | {"number": f"B-{next(numbers)}"})
        return Job(
            source=entry.source,
            data=data,
            types=types(entry.manifest),
            locale=entry.locale,
            title=entry.name,
            created_at=datetime(2026, 11, 24, tzinfo=UTC),
            # The same standard for both, so that the XML is the only difference.
            pdf_standard="a-3a+ua-1",
        )

    def plain() -> float:
        made = job()
        return milliseconds(lambda: typeset(made))

    def electronic() -> float:
        made = job()

        def work() -> Any:
            invoice = create_invoice(mapping, dict(made.data), InvoiceOptions())
            return typeset(replace(made, invoice=invoice.attachment))

        return milliseconds(work)

    without, with_xml = medians(plain, electronic, rounds=ROUNDS, warm_up=5)
    yield Result("invoice.price", with_xml - without, "ms", target="value <= 20")

    invoice = create_invoice(mapping, validate_data(entry.manifest, sample), InvoiceOptions())
    pdf = typeset(replace(job(), invoice=invoice.attachment)).pdf
    sealed, verified = medians(_sealing(pdf), _verifying(pdf), rounds=ROUNDS, warm_up=3)
    yield Result("seal.document", sealed, "ms", target="value <= 40", note="without KMS")
    yield Result("seal.verify", verified, "ms")
    # Last, because no function that seals or verifies loads Saxon.
    from invoice_rules.validation import validate

    (checked,) = medians(
        lambda: milliseconds(lambda: validate(read_invoice(invoice.xml))), rounds=ROUNDS, warm_up=3
    )
    yield Result("invoices.validate", checked, "ms", target="value <= 120")


def _sealing(pdf: bytes) -> Any:
    signing = _signing()
    return lambda: milliseconds(lambda: seal(pdf, Request(reason="Issued"), signing))


def _verifying(pdf: bytes) -> Any:
    signing = _signing()
    sealed = seal(pdf, Request(), signing)
    trusted = [hashlib.sha256(signing.chain.encode()).hexdigest()]
    return lambda: milliseconds(lambda: read_seals(sealed, trusted))


def _signing() -> Signing:
    key = ec.generate_private_key(ec.SECP256R1())
    name = Name([NameAttribute(NameOID.COMMON_NAME, "Benchmark")])
    now = datetime.now(UTC)
    certificate = (
        CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, SHA256())
    )
    chain = certificate.public_bytes(Encoding.PEM).decode()
    return Signing(chain, lambda content: key.sign(content, ec.ECDSA(SHA256())))
