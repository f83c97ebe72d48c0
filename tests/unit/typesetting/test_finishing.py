"""Letterhead, further pages, attachments and passwords of a finished PDF, and hostile files."""

import re
import subprocess
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from pikepdf import PasswordError, Pdf

from craftkit.typesetter import (
    AppendedFile,
    AttachedFile,
    Document,
    FileError,
    Finishing,
    InvoiceFile,
    Job,
    Password,
    RenderTooLargeError,
)
from testkit import foreign_pdf
from testkit.pdf import text_of
from typesetting import check_file, typeset

Make = Callable[..., Job]

SOURCE = '= Heading <top>\n#link(<top>)[up] #link("https://example.com")[out]\n#pagebreak()\nMore'
BOTH = {"pdfaid:part": "2", "pdfaid:conformance": "A", "pdfuaid:part": "1"}


def opened(document: Document) -> Pdf:
    return Pdf.open(BytesIO(document.pdf))


def claims(document: Document) -> dict[str, str]:
    with opened(document) as pdf:
        metadata = pdf.Root.Metadata.read_bytes().decode()
    return dict(re.findall(r"<(pdf[au]\w+:(?:part|conformance))>([^<]+)<", metadata))


def qpdf(document: Document, path: Path, *arguments: str) -> str:
    path.write_bytes(document.pdf)
    done = subprocess.run(
        ["qpdf", "--check", *arguments, str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def tags_of(pdf: Pdf) -> tuple[list[str], int]:
    """The roles of the tag tree in reading order; and how many marks of pages it has no entry for.

    Every mark of a page must lead to an element through the parent tree, and every element to the
    page that it is on.
    """
    roles: list[str] = []
    pages = {page.obj.objgen for page in pdf.pages}

    def walk(element: Any) -> None:
        if isinstance(element, pikepdf.Array):
            for each in element:
                walk(each)
        elif isinstance(element, pikepdf.Dictionary):
            if "/Pg" in element:
                assert element.Pg.objgen in pages
            if "/S" in element:
                roles.append(str(element.S))
            walk(element.get("/K"))

    walk(pdf.Root.StructTreeRoot.K)
    tree = dict(pikepdf.NumberTree(pdf.Root.StructTreeRoot.ParentTree).items())
    missing = 0
    for page in pdf.pages:
        marks = {
            int(each.operands[1].MCID)
            for each in pikepdf.parse_content_stream(page)
            if str(each.operator) == "BDC" and "/MCID" in each.operands[1]
        }
        parents = tree[int(page.StructParents)] if marks else []
        missing += sum(mark >= len(parents) for mark in marks)
        for each in page.get("/Annots", []):
            missing += int(each.StructParent) not in tree
    return roles, missing


def letterhead(pages: int = 1) -> bytes:
    return check_file(foreign_pdf.letterhead_pdf(pages), "letterhead").content


@pytest.mark.parametrize("watermark", [False, True])
class TestLetterhead:
    def test_letterhead__is_an_artifact_under_every_page(self, job: Make, watermark: bool) -> None:
        document = typeset(
            job(SOURCE, watermark=watermark, finishing=Finishing(letterhead=letterhead(2)))
        )
        assert claims(document) == BOTH
        with opened(document) as pdf:
            for page in pdf.pages:
                whole = b"\n".join(part.read_bytes() for part in page.obj.Contents)
                at = whole.index(b"/CraftkitLetterhead Do")
                assert whole.rindex(b"/Artifact", 0, at) < at
                assert b"BT" not in whole[:at]  # nothing of the document is below it
                assert b"BDC" not in page.Resources.XObject.CraftkitLetterhead.read_bytes()
            roles, missing = tags_of(pdf)
        plain = typeset(job(SOURCE, watermark=watermark))
        with opened(plain) as pdf:
            assert tags_of(pdf) == (roles, missing) and missing == 0
        assert "ACME 1" in text_of(document.pdf) and "ACME 2" in text_of(document.pdf)

    def test_letterhead__passes_qpdf_and_repeats_its_bytes(
        self, job: Make, watermark: bool, tmp_path: Path
    ) -> None:
        wanted = job(SOURCE, watermark=watermark, finishing=Finishing(letterhead=letterhead()))
        document = typeset(wanted)
        assert "No syntax or stream encoding errors" in qpdf(document, tmp_path / "x.pdf")
        assert typeset(wanted).pdf == document.pdf


def test_letterhead__reports_what_pdf_a_forbids() -> None:
    assert check_file(foreign_pdf.letterhead_pdf(), "letterhead").faults == ()
    assert set(check_file(foreign_pdf.unembedded(), "letterhead").faults) == {
        "it has CMYK colors without a profile",
        "its font Helvetica is not embedded",
    }


def test_letterhead__of_eleven_pages_is_refused() -> None:
    with pytest.raises(FileError, match="it has 11 pages; the maximum of a letterhead is 10"):
        check_file(foreign_pdf.letterhead_pdf(11), "letterhead")


def test_letterhead__scales_to_the_page(job: Make) -> None:
    source = "#set page(width: 100pt, height: 400pt)\nx"
    with opened(typeset(job(source, finishing=Finishing(letterhead=letterhead())))) as pdf:
        content = pdf.pages[0].Contents
        whole = b"".join(part.read_bytes() for part in content)
    scale, x, y = re.findall(rb"q ([\d.]+) 0 0 [\d.]+ ([\d.-]+) ([\d.-]+) cm", whole)[0]
    assert float(scale) == pytest.approx(100 / 595.28, abs=1e-4)
    assert (float(x), float(y)) == (pytest.approx(0, abs=0.01), pytest.approx(129.3, abs=0.1))


def test_append__a_render_keeps_its_tags_links_and_standard(job: Make, tmp_path: Path) -> None:
    other = typeset(job("= Zweite\n#link(<end>)[end]\n#pagebreak()\n= End <end>", locale="de"))
    checked = check_file(other.pdf, "render").content
    finishing = Finishing(append=(AppendedFile(checked, "Teil 2"),))
    document = typeset(job(SOURCE, finishing=finishing))
    assert document.page_count == 4
    assert claims(document) == BOTH
    qpdf(document, tmp_path / "x.pdf")
    with opened(document) as pdf:
        roles, missing = tags_of(pdf)
        assert missing == 0
        assert roles.count("/Document") == 2 and roles.count("/H1") == 3
        languages = [str(each.get("/Lang", "")) for each in pdf.Root.StructTreeRoot.K]
        assert languages == ["", "de-DE"]
        with pdf.open_outline() as outline:
            *_, last = outline.root
            assert last.title == "Teil 2"
            assert last.destination[0].objgen == pdf.pages[2].obj.objgen
        [link] = pdf.pages[2].Annots
        target = link.get("/Dest") if "/Dest" in link else link.A.D
        assert target[0].objgen == pdf.pages[3].obj.objgen


def test_append__files_from_outside_follow_with_bookmarks(job: Make, tmp_path: Path) -> None:
    parts = tuple(
        AppendedFile(check_file(foreign_pdf.typst_pdf(f"Part {n}"), "append").content, f"P{n}")
        for n in (1, 2)
    )
    document = typeset(job(SOURCE, pdf_standard="1.7", finishing=Finishing(append=parts)))
    qpdf(document, tmp_path / "x.pdf")
    assert "Part 1" in text_of(document.pdf) and "Part 2" in text_of(document.pdf)
    with opened(document) as pdf, pdf.open_outline() as outline:
        assert [each.title for each in outline.root][-2:] == ["P1", "P2"]


def test_append__over_five_hundred_pages_together_is_refused(job: Make) -> None:
    checked = check_file(foreign_pdf.saved(foreign_pdf.blank(499)), "append").content
    finishing = Finishing(append=(AppendedFile(checked, "Long"),))
    with pytest.raises(RenderTooLargeError, match="The document has 501 pages"):
        typeset(job(SOURCE, pdf_standard="1.7", finishing=finishing))


def test_attachments__are_in_the_document_with_their_relationship(
    job: Make, tmp_path: Path
) -> None:
    files = (
        AttachedFile("Prüfung.csv", b"a;b", "text/csv", "Data", "The figures"),
        AttachedFile("x.bin", b"\0", "application/octet-stream", "Unspecified"),
    )
    wanted = job(
        SOURCE,
        pdf_standard="a-3a+ua-1",
        finishing=Finishing(attachments=files),
        invoice=InvoiceFile(b"<x/>", "EN 16931", "Alternative"),
    )
    document = typeset(wanted)
    qpdf(document, tmp_path / "x.pdf")
    assert claims(document) == {**BOTH, "pdfaid:part": "3"}
    assert typeset(wanted).pdf == document.pdf
    with opened(document) as pdf:
        assert set(pdf.attachments) == {"factur-x.xml", "Prüfung.csv", "x.bin"}
        found = pdf.attachments["Prüfung.csv"]
        assert (found.description, found.get_file().mime_type) == ("The figures", "text/csv")
        assert found.get_file().read_bytes() == b"a;b"
        kinds = {str(each.UF): str(each.AFRelationship) for each in pdf.Root.AF}
        assert kinds["Prüfung.csv"] == "/Data" and kinds["x.bin"] == "/Unspecified"


def test_password__encrypts_and_limits_what_a_reader_may_do(job: Make, tmp_path: Path) -> None:
    password = Password("öffnen", "all", ("print",))
    document = typeset(job(SOURCE, pdf_standard="1.7", finishing=Finishing(password=password)))
    with pytest.raises(PasswordError):
        opened(document)
    assert b"Heading" not in document.pdf
    output = qpdf(document, tmp_path / "x.pdf", "--password=öffnen")
    assert "file encryption method: AESv3" in output
    assert "print high resolution: allowed" in output
    assert "extract for any purpose: not allowed" in output
    assert "extract for accessibility: allowed" in output
    with Pdf.open(BytesIO(document.pdf), password="all") as pdf:
        assert pdf.owner_password_matched


def test_password__permissions_alone_open_without_one(job: Make) -> None:
    password = Password(permissions=())
    document = typeset(job(SOURCE, pdf_standard="1.7", finishing=Finishing(password=password)))
    with opened(document) as pdf:
        assert not pdf.owner_password_matched
        assert not pdf.allow.print_lowres and pdf.allow.accessibility


DAMAGED = "it is damaged or incomplete"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: b"<html>", "it is not a PDF"),
        (lambda: b"%PDF-1.7\n", DAMAGED),
        (lambda: foreign_pdf.typst_pdf("x" * 900)[:-200], DAMAGED),
        (lambda: foreign_pdf.typst_pdf("x" * 900)[:3000], DAMAGED),
        (foreign_pdf.encrypted, "it is encrypted"),
        (lambda: foreign_pdf.encrypted("user"), "it is encrypted"),
        (lambda: foreign_pdf.saved(foreign_pdf.blank(10_000)), "it has 10,000 pages"),
        (lambda: foreign_pdf.saved(Pdf.new()), "it has no pages"),
        (lambda: foreign_pdf.bomb(200), "larger than 128 MiB when it is decompressed"),
        (lambda: foreign_pdf.bomb(200, 2), "larger than 128 MiB when it is decompressed"),
        (lambda: foreign_pdf.bomb(1, 3), "more than two filters"),
        (foreign_pdf.loop_of_pages, DAMAGED),
        (foreign_pdf.nested, DAMAGED),
    ],
    ids=[
        "html", "header", "cut-end", "cut-half", "owner", "user", "pages", "empty", "bomb",
        "double-bomb", "filters", "loop", "nested",
    ],
)  # fmt: skip
def test_hostile__is_refused_and_the_next_file_is_read(
    make: Callable[[], bytes], reason: str
) -> None:
    with pytest.raises(FileError, match=reason):
        check_file(make(), "append")
    assert check_file(foreign_pdf.letterhead_pdf(), "append").page_count == 1


def test_hostile__an_object_stream_of_gigabytes_ends_itself_alone() -> None:
    with pytest.raises(FileError):
        check_file(foreign_pdf.object_bomb(), "append")
    assert check_file(foreign_pdf.letterhead_pdf(), "append").page_count == 1


@pytest.mark.parametrize("purpose", ["letterhead", "render"])
def test_hostile__every_purpose_has_the_same_limits(purpose: Any) -> None:
    for content in (b"<html>", foreign_pdf.encrypted(), foreign_pdf.bomb(200)):
        with pytest.raises(FileError):
            check_file(content, purpose)


@pytest.mark.parametrize("purpose", ["append", "letterhead"])
def test_hostile__scripts_actions_forms_and_files_stay_behind(purpose: Any) -> None:
    checked = check_file(foreign_pdf.scripted(), purpose)
    with Pdf.open(BytesIO(checked.content)) as pdf:
        assert set(pdf.Root.keys()) == {"/Type", "/Pages"}
        plain = foreign_pdf.saved(pdf, object_stream_mode=pikepdf.ObjectStreamMode.disable)
        links = [str(each.A.URI) for each in pdf.pages[0].get("/Annots", [])]
    assert not any(word in plain for word in foreign_pdf.ACTIVE)
    assert links == (["https://example.com"] if purpose == "append" else [])


def test_hostile__a_drawing_that_contains_itself_does_not_hang(job: Make, tmp_path: Path) -> None:
    content = check_file(foreign_pdf.loop_of_forms(), "append").content
    finishing = Finishing(append=(AppendedFile(content, "Loop"),))
    qpdf(typeset(job(SOURCE, pdf_standard="1.7", finishing=finishing)), tmp_path / "x.pdf")
    paper = check_file(foreign_pdf.loop_of_forms(), "letterhead").content
    assert typeset(job(SOURCE, finishing=Finishing(letterhead=paper))).page_count == 2
