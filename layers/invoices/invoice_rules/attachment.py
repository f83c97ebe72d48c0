"""The child process that reads the invoice attached to a PDF: from stdin to stdout.

A few kilobytes of a PDF can unpack to gigabytes, in any library. The child has a limited memory and
time, and no environment, so that such a file is refused like any other that cannot be read.

    python -m invoice_rules.attachment < invoice.pdf > invoice.xml
"""

import resource
import sys
import zlib
from io import BytesIO
from typing import Any

NAMES = ("factur-x.xml", "zugferd-invoice.xml", "xrechnung.xml")
XML_LIMIT_BYTES = 4 * 1024 * 1024
REFUSED = 3
"""The exit status with which stdout is the reason."""

_MEMORY_BYTES = 512 * 1024 * 1024
_CPU_SECONDS = 5


class RefusedPdfError(Exception):
    """The PDF is damaged, is encrypted, or holds no invoice. The message says why."""


def main() -> int:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        sys.stdout.buffer.write(_attached(sys.stdin.buffer.read()))
    except RefusedPdfError as error:
        sys.stdout.write(str(error))
        return REFUSED
    return 0


def _attached(pdf: bytes) -> bytes:
    from pikepdf import Name, PasswordError, Pdf, PdfError

    try:
        with Pdf.open(BytesIO(pdf)) as document:
            names = [name for name in NAMES if name in document.attachments]
            if not names:
                raise RefusedPdfError("The PDF has no electronic invoice attached.")
            stream: Any = document.attachments[names[0]].obj.EF.F
            filters = stream.get("/Filter")
            raw = bytes(stream.read_raw_bytes())
            if filters is None:
                return raw
            if filters != Name.FlateDecode and list(filters) != [Name.FlateDecode]:
                raise RefusedPdfError("The attachment is compressed in an unusual way.")
            return _inflated(raw)
    except PasswordError:
        raise RefusedPdfError("The PDF is encrypted.") from None
    except (PdfError, AttributeError, KeyError, TypeError, ValueError, MemoryError) as error:
        raise RefusedPdfError("The PDF cannot be read.") from error


def _inflated(raw: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(raw, XML_LIMIT_BYTES + 1)
    except zlib.error:
        raise RefusedPdfError("The attachment cannot be decompressed.") from None


if __name__ == "__main__":
    sys.exit(main())
