"""One job through Typst: files into a root of its own, the document or a diagnosis out."""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

import typst

from typst_child import diagnosis
from typst_child.codes import draw
from typst_child.glyphs import missing
from typst_child.wire import Header

PAGE_LIMIT = 500

# Typst's first object is the page tree's root; anything else that looks like one is further on.
_PAGE_TREE = re.compile(rb"%PDF-[^/]{1,40}1 0 obj\s*<<\s*/Type\s*/Pages\s*/Count (\d+)")

# The author's source is a file of its own, so that its lines keep their numbers.
_MAIN = b"""\
#import "/craftkit.typ": defaults
#show: defaults
#include "/template.typ"
"""

_NO_FONT = "This is not a TrueType or OpenType font of one face."

Answer = tuple[Header, list[bytes]]


class Typesetter:
    """Typst, its fonts and the prelude, loaded once."""

    def __init__(self, prelude: str, *font_folders: str) -> None:
        with open(prelude, "rb") as file:  # noqa: PTH123 pathlib is slow to import
            self._prelude = file.read()
        self._font_folders = list(font_folders)
        self._fonts = typst.Fonts(include_system_fonts=False, font_paths=self._font_folders)

    def run(self, header: Header, blobs: Sequence[bytes]) -> Answer:
        """The answer to one request; a fault of the template is an answer too."""
        try:
            if header["format"] == "font":
                return self._font_face(blobs[0])
            return self._document(header, blobs)
        except typst.TypstError as error:
            return diagnosis.of(error), []

    def _document(self, header: Header, blobs: Sequence[bytes]) -> Answer:
        form = header["format"]
        with self._root(header["files"], blobs) as root:
            fonts = self._fonts_with(root, header["files"])
            codes = draw(header["codes"])
            while True:
                compiler = typst.Compiler(
                    f"{root}/main.typ",
                    root=root,
                    font_paths=fonts,
                    ignore_system_fonts=True,
                    sys_inputs=_inputs(header, codes),
                    package_path=f"{root}/packages",
                    package_cache_path=f"{root}/packages",
                )
                output, warnings = compiler.compile_with_warnings(
                    format=form,
                    ppi=header["ppi"],
                    pdf_standards=header["standards"],
                    timestamp=header["timestamp"],
                )
                asked = _codes_asked_for(compiler, blobs[0]) - codes.keys()
                if not asked:
                    break
                codes |= draw(asked)
        # A picture of one page comes alone, several come as a list; a PDF is one file.
        pages = output if isinstance(output, list) else [cast(bytes, output)]
        count = len(pages) if form != "pdf" else page_count(pages[0])
        if count > PAGE_LIMIT:
            return _too_many(count), []
        answer = {
            "page_count": count,
            "warnings": diagnosis.sentences(warnings),
            "missing": missing(pages[0]) if form == "pdf" else [],
        }
        if header["watermark"]:
            from typst_child.watermark import stamp

            pages = [stamp(page, self._fonts) for page in pages]
        return answer, pages

    def _font_face(self, content: bytes) -> Answer:
        """The face of a font file, which must be one, and must get through an archive's rules."""
        with self._root(["fonts/0.otf"], [content]) as root:
            fonts = typst.Fonts(False, False, [f"{root}/fonts"])
            if len(faces := fonts.fonts()) != 1:
                return {"error": "font", "message": _NO_FONT}, []
            face = faces[0]
            typst.Compiler(f"{root}/main.typ", font_paths=fonts, ignore_system_fonts=True).compile(
                f"#set text(font: {json.dumps(face.family)}, fallback: true)\nAa 12".encode(),
                format="pdf",
            )
        return {"family": face.family, "weight": face.weight, "style": face.style}, []

    def _fonts_with(self, root: str, names: Sequence[str]) -> typst.Fonts:
        if not any(name.startswith("fonts/") for name in names):
            return self._fonts
        return typst.Fonts(
            include_system_fonts=False, font_paths=[f"{root}/fonts", *self._font_folders]
        )

    @contextmanager
    def _root(self, names: Sequence[str], blobs: Sequence[bytes]) -> Iterator[str]:
        """A folder with the job's files and the prelude, gone when the job is done."""
        root = tempfile.mkdtemp(prefix="craftkit-")
        try:
            for folder in {name.rpartition("/")[0] for name in names if "/" in name}:
                os.makedirs(f"{root}/{folder}")  # noqa: PTH103
            own = {"main.typ": _MAIN, "craftkit.typ": self._prelude}
            for name, content in (*own.items(), *zip(names, blobs, strict=True)):
                with open(f"{root}/{name}", "wb") as file:  # noqa: PTH123
                    file.write(content)
            yield root
        finally:
            shutil.rmtree(root, ignore_errors=True)


def _too_many(pages: int) -> Header:
    message = f"The document has {pages} pages, and may have {PAGE_LIMIT}."
    return {"error": "too_large", "message": message}


def _inputs(header: Header, codes: Mapping[str, str]) -> dict[str, str]:
    job = json.dumps(header["job"] | {"codes": codes}, ensure_ascii=False)
    return {**header["inputs"], "craftkit": job}


def _codes_asked_for(compiler: typst.Compiler, source: bytes) -> set[str]:
    """The codes that the document wants and that were not there when it was set.

    Typst cannot call us. The prelude leaves a mark for each; looking for them costs little after
    a compilation, and nothing where the source draws no code.
    """
    if b"qr" not in source and b"barcode" not in source:
        return set()
    return set(json.loads(compiler.query("<craftkit-code>", field="value")))


def page_count(pdf: bytes) -> int:
    """Pages of a PDF that Typst wrote: its page tree stands first, and is not compressed."""
    found = _PAGE_TREE.match(pdf, 0)
    if found is None:
        raise ValueError("the PDF does not begin with its page tree")
    return int(found[1])
