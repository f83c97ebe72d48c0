"""The XML of an invoice that somebody sends: as XML, or attached to a PDF. Nothing is trusted.

A document type is refused, so there are no entities and no external subset; nothing is fetched;
a compressed attachment is decompressed up to a limit.
"""

import zlib
from io import BytesIO
from typing import Any

from lxml import etree

XML_LIMIT_BYTES = 4 * 1024 * 1024
_DEPTH_LIMIT = 64
_NAMES = ("factur-x.xml", "zugferd-invoice.xml", "xrechnung.xml")


class UnreadableInvoiceError(Exception):
    """The file holds no XML that could be an invoice; the message says why."""


def read_invoice(content: bytes) -> Any:
    """The root of the invoice's XML, from XML or from a PDF that holds it.

    Raises:
        UnreadableInvoiceError: it is neither, or is refused.
    """
    return _parse(_attached(content) if content.startswith(b"%PDF-") else content)


def _parse(xml: bytes) -> Any:
    if len(xml) > XML_LIMIT_BYTES:
        raise UnreadableInvoiceError("The XML is larger than 4 MiB.")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(xml, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UnreadableInvoiceError(f"The XML cannot be read: {_reason(error)}") from None
    if root.getroottree().docinfo.doctype:
        raise UnreadableInvoiceError("The XML has a DOCTYPE. An invoice has none; remove it.")
    if _is_deep(root):
        raise UnreadableInvoiceError(f"The XML is more than {_DEPTH_LIMIT} levels deep.")
    return root


def _is_deep(root: Any) -> bool:
    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > _DEPTH_LIMIT:
            return True
    return False


def _reason(error: Exception) -> str:
    """The parser's words, without what the file says."""
    text = str(error).partition(",")[0]
    line = getattr(error, "lineno", None)
    return f"line {line} is not well-formed." if line else f"{text}."


def _attached(pdf: bytes) -> bytes:
    """The invoice that a PDF holds.

    Raises:
        UnreadableInvoiceError: the PDF is damaged, is encrypted, or holds none.
    """
    from pikepdf import Name, PasswordError, Pdf, PdfError

    try:
        with Pdf.open(BytesIO(pdf)) as document:
            names = [name for name in _NAMES if name in document.attachments]
            if not names:
                raise UnreadableInvoiceError("The PDF has no electronic invoice attached.")
            stream: Any = document.attachments[names[0]].obj.EF.F
            filters = stream.get("/Filter")
            raw = bytes(stream.read_raw_bytes())
            if filters is None:
                return raw
            if filters != Name.FlateDecode and list(filters) != [Name.FlateDecode]:
                raise UnreadableInvoiceError("The attachment is compressed in an unusual way.")
            return _inflated(raw)
    except PasswordError:
        raise UnreadableInvoiceError("The PDF is encrypted.") from None
    except (PdfError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnreadableInvoiceError("The PDF cannot be read.") from error


def _inflated(raw: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(raw, XML_LIMIT_BYTES + 1)
    except zlib.error:
        raise UnreadableInvoiceError("The attachment cannot be decompressed.") from None
