"""What is done to a PDF after Typst: letterhead, further pages, attachments, password.

Every file comes from `check`, which has run in this process or in another child before: the
limits of `foreign` hold here.
"""

import secrets
from collections.abc import Sequence
from contextlib import ExitStack
from io import BytesIO
from typing import TYPE_CHECKING, Any

from typst_child import appending, attachments, foreign, letterhead
from typst_child.pages import PAGE_LIMIT, PagesError
from typst_child.wire import Header

if TYPE_CHECKING:
    from pikepdf import Encryption

Finishing = dict[str, Any]
"""`letterhead`: whether the first file is one. `append`: the titles of the next files.
`attachments`: of the last files, the arguments of `attachments.attach`. `password`."""

_PERMISSIONS = {
    "print": ("print_lowres", "print_highres"),
    "copy": ("extract",),
    "edit": ("modify_other",),
    "annotate": ("modify_annotation",),
    "fillForms": ("modify_form",),
    "assemble": ("modify_assembly",),
}


def check(content: bytes, purpose: str) -> tuple[Header, list[bytes]]:
    """The response to a file from outside: what is left of it, its pages and its faults.

    Args:
        purpose: `letterhead`; `append`; or `render`, a document of the service, which keeps its
            tags.
    """
    try:
        if purpose == "letterhead":
            result, count, faults = letterhead.prepare(content)
            return {"page_count": count, "faults": faults}, [result]
        if purpose == "render":
            with foreign.open_foreign(content) as document:
                return {"page_count": len(document.pages), "faults": []}, [content]
        result, count = foreign.cleaned(content)
    except foreign.ForeignFileError as error:
        return {"error": "file", "message": str(error)}, []
    return {"page_count": count, "faults": []}, [result]


def compose(pdf: bytes, wanted: Finishing, files: Sequence[bytes]) -> tuple[bytes, int]:
    """The PDF on its letterhead and with its further pages, and the number of pages.

    Raises:
        PagesError: the document has too many pages.
    """
    from pikepdf import Pdf

    remaining = iter(files)
    with ExitStack() as opened:
        document = opened.enter_context(Pdf.open(BytesIO(pdf)))
        if wanted["letterhead"]:
            paper = opened.enter_context(Pdf.open(BytesIO(next(remaining))))
            letterhead.lay(document, paper)
        for title in wanted["append"]:
            other = opened.enter_context(Pdf.open(BytesIO(next(remaining))))
            count = len(document.pages) + len(other.pages)
            if count > PAGE_LIMIT:
                raise PagesError(f"The document has {count} pages; the maximum is {PAGE_LIMIT}.")
            appending.append(document, other, title)
        output = BytesIO()
        document.save(output, deterministic_id=True, fix_metadata_version=False)
        return output.getvalue(), len(document.pages)


def complete(pdf: bytes, wanted: Finishing, files: Sequence[bytes]) -> bytes:
    """The PDF with its attachments and its password, which come last."""
    from pikepdf import Pdf

    if not wanted["attachments"] and not wanted["password"]:
        return pdf
    attached = files[len(files) - len(wanted["attachments"]) :]
    with Pdf.open(BytesIO(pdf)) as document:
        for each, content in zip(wanted["attachments"], attached, strict=True):
            attachments.attach(document, content=content, **each)
        output = BytesIO()
        encryption = _encryption(wanted["password"])
        document.save(
            output,
            # The id of an encrypted file cannot follow from its content: it is part of the key.
            deterministic_id=not encryption,
            encryption=encryption or False,
            fix_metadata_version=False,
        )
        return output.getvalue()


def _encryption(password: dict[str, Any] | None) -> "Encryption | None":
    """AES-256 (ISO 32000-2, revision 6). Without an owner password, nobody has full rights."""
    from pikepdf import Encryption, Permissions

    if not password:
        return None
    allowed = password["permissions"]
    rights = {
        right: allowed is None or name in allowed
        for name, granted in _PERMISSIONS.items()
        for right in granted
    }
    return Encryption(
        user=password["open"] or "",
        owner=password["owner"] or secrets.token_urlsafe(32),
        R=6,
        allow=Permissions(accessibility=True, **rights),
    )
