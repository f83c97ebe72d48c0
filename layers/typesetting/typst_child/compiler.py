"""Compiles one job with Typst."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Self, cast

import typst

from typst_child import codes, diagnosis, facturx, finishing, fonts, fragment, raster, watermark
from typst_child.glyphs import missing
from typst_child.images import ImageChecker
from typst_child.pages import (
    NoSuchPageError,
    PagesError,
    check_output,
    check_pdf,
    check_raster,
    selected_pages,
)
from typst_child.wire import Header
from typst_child.workplace import Workplace, Workplaces

_ROUNDS = 5
"""Maximum compilations of one job. The second draws its codes; a third is needed only if these
lead to further codes."""

_MODULES = ("craftkit", "craftkit-richtext")

_SVG_SIZE = re.compile(rb'width="([\d.]+)pt" height="([\d.]+)pt"')

_WARM_UP = b"""\
#set document(title: "Warm-up")
#set text(font: "Inter")
= Heading
#table(columns: 2, table.header[A][B], [1], text(weight: "medium")[2])
#image(bytes(sys.inputs.code), format: "svg", alt: "A code")
#context counter(page).display() _of_ *#text(weight: "semibold")[1]*
"""

Answer = tuple[Header, list[bytes]]
Files = list[bytes]


class CodesError(Exception):
    """The document requests new codes after each compilation."""


class CompileRequest(NamedTuple):
    """A request's header and blobs. `description`, `images_index`, `richtexts` and `locale`
    are JSON.

    Args:
        format: pdf, png, jpeg, webp or svg.
        pixels_per_inch: of images other than SVG.
        pages: ranges of the pages that become images; all of them if None.
        standards: the standards that a PDF must conform to. For images, violations are warnings.
        invoice: of a PDF, level and relationship of the electronic invoice; its XML is a blob.
        finishing: of a PDF, what is done to it at last; its files are the last blobs.
        fragment: the PDF is returned as a fragment of a merged one.
        images_index: the path of each image that the data names: `{"https://…": "/images/0"}`.
    """

    format: str
    pixels_per_inch: float
    pages: list[tuple[int, int]] | None
    codes: list[str]
    standards: list[str]
    timestamp: int
    watermark: bool
    invoice: dict[str, str] | None
    finishing: finishing.Finishing | None
    fragment: bool
    image_kinds: list[str]
    description: bytes
    images_index: bytes
    richtexts: bytes
    locale: bytes
    source: bytes
    invoice_xml: bytes
    images: Sequence[bytes]
    fonts: Sequence[bytes]
    files: Sequence[bytes]

    @classmethod
    def read(cls, header: Header, blobs: Sequence[bytes]) -> Self:
        description, images_index, richtexts, locale, source, xml, *files = blobs
        count = len(header["image_kinds"])
        fonts_end = len(files) - _files_of(header["finishing"])
        return cls(
            **header,
            description=description,
            images_index=images_index,
            richtexts=richtexts,
            locale=locale,
            source=source,
            invoice_xml=xml,
            images=files[:count],
            fonts=files[count:fonts_end],
            files=files[fonts_end:],
        )


class Typesetter:
    """Processes requests. Fonts, prelude and recently used templates are loaded once."""

    def __init__(self, folder: str, prelude: str, *font_folders: str) -> None:
        modules = {f"{name}.typ": _read(f"{prelude}/{name}.typ") for name in _MODULES}
        self._workplaces = Workplaces(folder, modules, font_folders)
        self._folder = folder
        self._images = ImageChecker()

    def warm_up(self) -> None:
        """Load what every document needs: faces of the main font, tables, PDF/A export."""
        compiler = typst.Compiler(
            _WARM_UP,
            font_paths=self._workplaces.fonts,
            ignore_system_fonts=True,
            sys_inputs={"code": codes.draw("qr:warm-up")},
        )
        compiler.compile(format="pdf", pdf_standards=["a-2a", "ua-1"], timestamp=0)

    def run(self, header: Header, blobs: Sequence[bytes]) -> Answer:
        """The response to one request. A fault of the template is a response, not an exception."""
        try:
            if header["format"] == "font":
                return fonts.face(self._folder, blobs[0]), []
            if header["format"] == "check":
                return finishing.check(blobs[0], header["purpose"])
            job = CompileRequest.read(header, blobs)
        except (KeyError, TypeError, ValueError):
            return {"error": "protocol", "message": "the request cannot be read"}, []
        except typst.TypstError as error:  # by the font
            return diagnosis.of(error, self._folder), []
        try:
            return self._document(job)
        except typst.TypstError as error:
            return diagnosis.of(error, self._folder), []
        except PagesError as error:
            return {"error": "too_large", "message": str(error)}, []
        except (CodesError, NoSuchPageError) as error:
            return {"error": "source", "message": str(error)}, []

    def _document(self, job: CompileRequest) -> Answer:
        faults = self._images.faults(job.images, job.image_kinds)
        place = self._workplaces.of(job.source, job.fonts)
        files = {
            "job.json": job.description,
            "images.json": _usable_images(job, faults),
            "richtexts.json": _trees(job.richtexts),
        }
        with place.shared(job.locale, files, job.images) as compiler:
            compilation = Compilation(job, place, compiler)
            if job.format == "pdf":
                answer, output = self._pdf(compilation)
            else:
                answer, output = self._images_of(compilation)
        check_output(output)
        answer["refused_images"] = {str(index): fault for index, fault in faults.items()}
        return answer, output

    def _pdf(self, compilation: "Compilation") -> Answer:
        pdf = compilation.pdf(compilation.job.standards)
        answer = {
            "page_count": check_pdf(pdf),
            "warnings": diagnosis.sentences(compilation.warnings, self._folder),
            "missing": missing(pdf),
        }
        job = compilation.job
        if job.finishing:
            pdf, answer["page_count"] = finishing.compose(pdf, job.finishing, job.files)
        if job.watermark:
            pdf = watermark.stamp(pdf, self._workplaces.fonts)
        if job.invoice:
            pdf = facturx.attach(pdf, job.invoice_xml, **job.invoice)
        if job.finishing:
            pdf = finishing.complete(pdf, job.finishing, job.files)
        if job.fragment:
            pdf = fragment.fragment_of(pdf)
        return answer, [pdf]

    def _images_of(self, compilation: "Compilation") -> Answer:
        """The pages as images.

        The PDF is compiled first: it gives the page sizes and the violations of the standard.
        """
        job, breaches = compilation.job, []
        try:
            pdf = compilation.pdf(job.standards)
        except typst.TypstError as error:
            if not diagnosis.is_standard_breach(error):
                raise
            breaches = [diagnosis.breach_sentence(error, self._folder)]
            pdf = compilation.pdf([])
        count = check_pdf(pdf)
        check_raster(pdf, job.pixels_per_inch)
        numbers = selected_pages(job.pages, count)
        answer = {
            "page_count": count,
            "numbers": numbers,
            "warnings": [*breaches, *diagnosis.sentences(compilation.warnings, self._folder)],
            "missing": missing(pdf),
        }
        pages = compilation.pages()
        return answer, [self._finished(pages[number - 1], job) for number in numbers]

    def _finished(self, page: bytes, job: CompileRequest) -> bytes:
        fonts_ = self._workplaces.fonts
        if job.format != "svg":
            return raster.finish(page, job.format, job.pixels_per_inch, fonts_, mark=job.watermark)
        if not job.watermark:
            return page
        found = _SVG_SIZE.search(page, 0, 1000)
        if found is None:
            raise ValueError("the SVG does not start with its size")
        return watermark.stamp_svg(page, float(found[1]), float(found[2]), fonts_)


class Compilation:
    """A job's document, compiled again while it requests codes that are not drawn yet."""

    def __init__(self, job: CompileRequest, place: Workplace, compiler: typst.Compiler) -> None:
        self.job = job
        self._place = place
        self.warnings: list[typst.TypstWarning] = []
        self._compiler = compiler
        self._use = codes.typical_use_of(job.source)
        self._wanted = self._use.expected(job.description) | set(job.codes)

    def pdf(self, standards: list[str]) -> bytes:
        """The document as PDF.

        Raises:
            TypstError: the template has an error.
            CodesError: the document still requests new codes after `_ROUNDS` compilations.
        """
        for _ in range(_ROUNDS):
            self._place.write("craftkit/codes.json", _drawn(self._wanted))
            output = self._compile("pdf", standards)
            asked = _codes_asked_for(self._compiler, self.job.source) - self._wanted
            if not asked:
                return cast(bytes, output)
            self._use.learn(asked, self.job.description)
            self._wanted |= asked
        raise CodesError(f"After {_ROUNDS} compilations the document still requests new codes.")

    def pages(self) -> Files:
        """The pages as PNG or SVG. Call `pdf` first: it draws the codes."""
        output = self._compile("svg" if self.job.format == "svg" else "png", [])
        return output if isinstance(output, list) else [output]

    def _compile(self, output_format: str, standards: list[str]) -> bytes | Files:
        options: dict[str, Any] = {"format": output_format, "pdf_standards": standards}
        output, self.warnings = self._compiler.compile_with_warnings(
            ppi=self.job.pixels_per_inch, timestamp=self.job.timestamp, **options
        )
        return cast("bytes | Files", output)


def _read(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 pathlib is slow to import
        return file.read()


def _files_of(wanted: finishing.Finishing | None) -> int:
    """The number of files of a job's finishing."""
    if not wanted:
        return 0
    return bool(wanted["letterhead"]) + len(wanted["append"]) + len(wanted["attachments"])


def _usable_images(job: CompileRequest, faults: dict[int, str]) -> bytes:
    """The index of the images, without the refused ones."""
    if not faults:
        return job.images_index
    refused = {f"/images/{index}" for index in faults}
    index: dict[str, str] = json.loads(job.images_index)
    return json.dumps({name: path for name, path in index.items() if path not in refused}).encode()


def _trees(richtexts: bytes) -> bytes:
    if richtexts == b"[]":
        return b"{}"
    from typst_child import richtext  # most documents have none

    return richtext.trees(richtexts)


def _drawn(keys: Iterable[str]) -> bytes:
    return json.dumps({key: codes.draw(key) for key in sorted(keys)}).encode()


def _codes_asked_for(compiler: typst.Compiler, source: bytes) -> set[str]:
    """The codes that the compiled document requests by a label.

    The query is fast after a compilation, and skipped if the source calls neither function.
    """
    if b"qr" not in source and b"barcode" not in source:
        return set()
    values = json.loads(compiler.query("<craftkit-code>", field="value"))
    return set(filter(codes.is_key, values))
