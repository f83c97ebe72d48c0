"""Attaches files to a finished PDF (ISO 32000-1, 7.11.4; PDF/A-3: ISO 19005-3, 6.8)."""

from hashlib import md5
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pikepdf import Pdf


def attach(
    document: "Pdf",
    filename: str,
    content: bytes,
    *,
    media_type: str,
    relationship: str,
    description: str | None = None,
) -> None:
    """Attach one file. One that the document has under this name is replaced.

    Args:
        relationship: of the file to the document, such as `Data`.
    """
    from pikepdf import Array, Dictionary, Name, NameTree, String

    root = document.Root
    created = document.docinfo.get("/CreationDate") if document.trailer.get("/Info") else None
    checksum = md5(content, usedforsecurity=False).digest()  # as ISO 32000-1, 7.11.4 has it
    facts = Dictionary(Size=len(content), CheckSum=String(checksum))
    if created is not None:
        facts.ModDate = created
    file = document.make_stream(content)
    file.Type, file.Subtype, file.Params = Name.EmbeddedFile, Name(f"/{media_type}"), facts
    attachment = document.make_indirect(
        Dictionary(
            Type=Name.Filespec,
            F=String(filename),
            UF=String(filename),
            AFRelationship=Name(f"/{relationship}"),
            EF=Dictionary(F=file, UF=file),
        )
    )
    if description:
        attachment.Desc = String(description)
    if "/Names" not in root:
        root.Names = Dictionary()
    if "/EmbeddedFiles" not in root.Names:
        root.Names.EmbeddedFiles = Dictionary(Names=Array())
    # Files that the template attaches itself stay.
    NameTree(root.Names.EmbeddedFiles)[filename] = attachment
    files = root.AF if "/AF" in root else Array()
    files.append(attachment)
    root.AF = files
    root.PageMode = Name.UseAttachments
