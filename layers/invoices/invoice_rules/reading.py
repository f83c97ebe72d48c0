"""The XML of an invoice that somebody sends: as XML, or attached to a PDF. Nothing is trusted.

A document type is refused, so there are no entities and no external subset; nothing is fetched;
a PDF is read by a child process with limited memory and time.
"""

import os
import subprocess
import sys
from typing import Any

from lxml import etree

from invoice_rules import attachment
from invoice_rules.attachment import XML_LIMIT_BYTES

_DEPTH_LIMIT = 64
_CHILD_SECONDS = 10


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
    """The invoice that a PDF holds, which a child process reads.

    Raises:
        UnreadableInvoiceError: the PDF is damaged, is encrypted, holds none, or needs too much
            memory or time.
    """
    try:
        child = subprocess.run(  # noqa: S603 our own module; the PDF is its stdin
            [sys.executable, "-m", attachment.__name__],
            input=pdf,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONPATH": os.pathsep.join(sys.path)},
            timeout=_CHILD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UnreadableInvoiceError("The PDF cannot be read.") from None
    if child.returncode == attachment.REFUSED:
        raise UnreadableInvoiceError(child.stdout.decode())
    if child.returncode:
        raise UnreadableInvoiceError("The PDF cannot be read.")
    return child.stdout
