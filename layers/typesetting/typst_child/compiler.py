"""One job through Typst: the document, or a diagnosis, out."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple, cast

import typst

from typst_child import diagnosis, fonts
from typst_child.codes import draw, habits_of
from typst_child.glyphs import missing
from typst_child.wire import Header
from typst_child.workplace import Workplaces

PAGE_LIMIT = 500

# Typst's first object is the page tree's root; anything else that looks like one is further on.
_PAGE_TREE = re.compile(rb"%PDF-[^/]{1,40}1 0 obj\s*<<\s*/Type\s*/Pages\s*/Count (\d+)")

_REHEARSAL = b"""\
#set document(title: "Rehearsal")
#set text(font: "Inter")
= Heading
#table(columns: 2, table.header[A][B], [1], text(weight: "medium")[2])
#image(bytes(sys.inputs.code), format: "svg", alt: "A code")
#context counter(page).display() _of_ *#text(weight: "semibold")[1]*
"""

Answer = tuple[Header, list[bytes]]


class Typesetter:
    """Answers requests. Fonts, prelude and the templates of late are loaded once."""

    def __init__(self, folder: str, prelude: str, *font_folders: str) -> None:
        with open(prelude, "rb") as file:  # noqa: PTH123 pathlib is slow to import
            self._workplaces = Workplaces(folder, file.read(), font_folders)
        self._folder = folder

    def rehearse(self) -> None:
        """Load what every document needs: faces of the main font, tables, the rules of PDF/A."""
        compiler = typst.Compiler(
            _REHEARSAL,
            font_paths=self._workplaces.fonts,
            ignore_system_fonts=True,
            sys_inputs={"code": draw("qr:rehearsal")},
        )
        compiler.compile(format="pdf", pdf_standards=["a-2a", "ua-1"], timestamp=0)

    def run(self, header: Header, blobs: Sequence[bytes]) -> Answer:
        """The answer to one request; a fault of the template is an answer too."""
        try:
            if header["format"] == "font":
                return fonts.face(self._folder, blobs[0]), []
            return self._document(header, blobs)
        except typst.TypstError as error:
            return diagnosis.of(error), []

    def _document(self, header: Header, blobs: Sequence[bytes]) -> Answer:
        output, warnings = self._compiled(header, Job.read(header, blobs))
        # A picture of one page comes alone, several come as a list; a PDF is one file.
        pages = output if isinstance(output, list) else [cast(bytes, output)]
        is_pdf = header["format"] == "pdf"
        count = page_count(pages[0]) if is_pdf else len(pages)
        if count > PAGE_LIMIT:
            return _too_many(count), []
        answer = {
            "page_count": count,
            "warnings": diagnosis.sentences(warnings),
            "missing": missing(pages[0]) if is_pdf else [],
        }
        if header["watermark"]:
            from typst_child.watermark import stamp

            pages = [stamp(page, self._workplaces.fonts) for page in pages]
        return answer, pages

    def _compiled(
        self, header: Header, job: "Job"
    ) -> tuple[bytes | list[bytes] | None, list[typst.TypstWarning]]:
        """Compile, and again for as long as the document asks for codes that it has not."""
        habits = habits_of(job.source)
        wanted = habits.expected(job.description) | set(header["codes"])
        place = self._workplaces.of(job.source, job.fonts)
        with place.lent(job.locale, job.description, _drawn(wanted), job.images) as compiler:
            while True:
                compiled = compiler.compile_with_warnings(
                    format=header["format"],
                    ppi=header["ppi"],
                    pdf_standards=header["standards"],
                    timestamp=header["timestamp"],
                )
                asked = _codes_asked_for(compiler, job.source) - wanted
                if not asked:
                    return compiled
                habits.learn(asked, job.description)
                wanted |= asked
                place.write("craftkit/codes.json", _drawn(wanted))


class Job(NamedTuple):
    """The blobs of a frame. The description is JSON, with the data in it; so is the locale."""

    description: bytes
    locale: bytes
    source: bytes
    images: Sequence[bytes]
    fonts: Sequence[bytes]

    @classmethod
    def read(cls, header: Header, blobs: Sequence[bytes]) -> "Job":
        description, locale, source, *files = blobs
        count = header["image_count"]
        return cls(description, locale, source, files[:count], files[count:])


def _drawn(codes: Iterable[str]) -> bytes:
    return json.dumps({key: draw(key) for key in sorted(codes)}).encode()


def _too_many(pages: int) -> Header:
    message = f"The document has {pages} pages, and may have {PAGE_LIMIT}."
    return {"error": "too_large", "message": message}


def _codes_asked_for(compiler: typst.Compiler, source: bytes) -> set[str]:
    """The codes that the document wants and that were not there when it was set.

    Looking for their marks costs little after a compilation, and nothing where the source draws
    no code.
    """
    if b"qr" not in source and b"barcode" not in source:
        return set()
    return set(json.loads(compiler.query("<craftkit-code>", field="value")))


def page_count(pdf: bytes) -> int:
    """Pages of a PDF that Typst wrote: its page tree stands first, and is not compressed."""
    found = _PAGE_TREE.match(pdf)
    if found is None:
        raise ValueError("the PDF does not begin with its page tree")
    return int(found[1])
