"""Letterheads: prepared once when they are published, and laid under the pages of a document.

A letterhead is an artifact (ISO 32000-1, 14.8.2.2): it is outside of the document's tag tree, so
that the document stays tagged. `prepare` therefore removes the tags of the letterhead itself. It
also reports what PDF/A forbids (ISO 19005-2, 6.2), because Typst checks only what Typst draws.
"""

from io import BytesIO
from typing import TYPE_CHECKING, Any

from typst_child.foreign import ForeignFileError, cleaned, refusing_damage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pikepdf import Object, Pdf

PAGE_LIMIT = 10
SIZE_LIMIT_BYTES = 4 * 1024 * 1024
CONTENT_LIMIT_BYTES = 8 * 1024 * 1024
"""Of the decompressed drawing operators: each of them becomes a Python object."""

_DEPTH_LIMIT = 100
_MARKS = frozenset({"BMC", "BDC", "EMC", "MP", "DP"})
_CMYK_OPERATORS = frozenset({"k", "K"})
_BLEND_MODES = frozenset(
    {
        "/Normal", "/Compatible", "/Multiply", "/Screen", "/Overlay", "/Darken", "/Lighten",
        "/ColorDodge", "/ColorBurn", "/HardLight", "/SoftLight", "/Difference", "/Exclusion",
        "/Hue", "/Saturation", "/Color", "/Luminosity",
    }
)  # fmt: skip


def prepare(content: bytes) -> tuple[bytes, int, list[str]]:
    """A letterhead that `lay` can use.

    Returns:
        The PDF, its number of pages, and what PDF/A forbids in it.

    Raises:
        ForeignFileError: it is no usable PDF.
    """
    from pikepdf import Pdf

    clean, count = cleaned(content)
    if count > PAGE_LIMIT:
        raise ForeignFileError(f"it has {count} pages; the maximum of a letterhead is {PAGE_LIMIT}")
    faults: dict[str, None] = {}
    with Pdf.open(BytesIO(clean)) as document, refusing_damage():
        _check_content(document)
        for page in document.pages:
            if "/Annots" in page:
                del page.Annots
            page.contents_coalesce()
            page.Contents = document.make_stream(_unmarked(page, faults))
        for each in document.objects:
            for part in _parts(each):
                _inspect(part, faults)
        document.remove_unreferenced_resources()
        output = BytesIO()
        document.save(output, deterministic_id=True, compress_streams=True)
    result = output.getvalue()
    if len(result) > SIZE_LIMIT_BYTES:
        raise ForeignFileError(f"it is larger than {SIZE_LIMIT_BYTES // 1024 // 1024} MiB")
    return result, count, list(faults)


def lay(document: "Pdf", letterhead: "Pdf") -> None:
    """Lay a prepared letterhead under every page: its first page under the first page of the
    document, and so on; its last page is repeated.

    A page of another size gets the letterhead scaled to fit, in its proportions, centered.
    """
    from pikepdf import Name

    forms: dict[int, tuple[Object, tuple[float, float, float, float]]] = {}
    for number, page in enumerate(document.pages):
        index = min(number, len(letterhead.pages) - 1)
        if index not in forms:
            source = letterhead.pages[index]
            form = document.copy_foreign(source.as_form_xobject())
            forms[index] = form, _displayed_box(form)
        form, box = forms[index]
        place = [float(edge) for edge in page.mediabox]
        width, height = place[2] - place[0], place[3] - place[1]
        scale = min(width / (box[2] - box[0]), height / (box[3] - box[1]))
        if abs(scale - 1) < 0.003:  # the same paper, rounded
            scale = 1.0
        x = place[0] + (width - scale * (box[2] - box[0])) / 2 - scale * box[0]
        y = place[1] + (height - scale * (box[3] - box[1])) / 2 - scale * box[1]
        name = page.add_resource(form, Name.XObject, Name.CraftkitLetterhead)
        edges = " ".join(f"{edge:.4f}" for edge in place)
        drawn = (
            f"/Artifact <</Type /Background /BBox [{edges}]>> BDC q "
            f"{scale:.6f} 0 0 {scale:.6f} {x:.4f} {y:.4f} cm {name} Do Q EMC q\n"
        )
        page.contents_add(drawn.encode(), prepend=True)
        page.contents_add(b"\nQ")


def _displayed_box(form: "Object") -> tuple[float, float, float, float]:
    """The form's box behind its matrix, which turns a rotated page upright."""
    left, bottom, right, top = (float(edge) for edge in form.BBox)
    a, b, c, d, e, f = (float(each) for each in form.get("/Matrix", [1, 0, 0, 1, 0, 0]))
    corners = [(a * x + c * y + e, b * x + d * y + f) for x in (left, right) for y in (bottom, top)]
    across, up = [x for x, _ in corners], [y for _, y in corners]
    return min(across), min(up), max(across), max(up)


def _check_content(document: "Pdf") -> None:
    from pikepdf import Stream

    total = 0
    for each in document.objects:
        if isinstance(each, Stream) and each.get("/Subtype") == "/Form":
            total += len(each.read_bytes())
    for page in document.pages:
        page.contents_coalesce()
        total += len(page.Contents.read_bytes()) if "/Contents" in page else 0
    if total > CONTENT_LIMIT_BYTES:
        raise ForeignFileError("its drawing is larger than 8 MiB when it is decompressed")


def _unmarked(source: Any, faults: dict[str, None]) -> bytes:
    """The operators of a page or form without marks, which would be tags inside an artifact."""
    from pikepdf import Name, parse_content_stream, unparse_content_stream

    kept = []
    for each in parse_content_stream(source):
        name = str(each.operator)
        if name in _MARKS:
            continue
        if name in _CMYK_OPERATORS or (
            name in ("cs", "CS") and each.operands[0] == Name.DeviceCMYK
        ):
            faults["it has CMYK colors without a profile"] = None
        if name == "INLINE IMAGE" and "CMYK" in str(each.operands[0].colorspace):
            faults["it has CMYK colors without a profile"] = None
        kept.append(each)
    return unparse_content_stream(kept)


def _parts(each: Any, depth: int = 0) -> "Iterator[Any]":
    """An object's dictionary and those directly inside; references lead to other objects."""
    from pikepdf import Array, Dictionary, Stream

    if depth > _DEPTH_LIMIT:
        raise ValueError("nested too deeply")
    if isinstance(each, (Dictionary, Stream)):
        yield each
        children: Any = [each.get(key) for key in each.keys()]  # noqa: SIM118 it is no mapping
    elif isinstance(each, Array):
        children = each
    else:
        return
    for child in children:
        if isinstance(child, (Array, Dictionary)) and not child.is_indirect:
            yield from _parts(child, depth + 1)


def _inspect(each: Any, faults: dict[str, None]) -> None:
    """Note what PDF/A forbids in an object, and remove the marks of a form."""
    from pikepdf import Dictionary, Name, Stream

    kind, subtype = each.get("/Type"), each.get("/Subtype")
    if isinstance(each, Stream) and subtype == Name.Form:
        each.write(_unmarked(each, faults))
    if isinstance(each, Stream) and subtype == Name.PS:
        faults["it has PostScript"] = None
    if isinstance(each, Stream) and subtype == Name.Image:
        _inspect_image(each, faults)
    if kind == Name.Font:
        _inspect_font(each, faults)
    if kind == Name.ExtGState:
        modes = each.get("/BM")
        if modes is not None and str(modes) not in _BLEND_MODES:
            faults["it has an unknown blend mode"] = None
        for key in ("/TR", "/HTP"):
            if key in each:
                faults["it has a transfer function"] = None
    spaces = each.get("/ColorSpace")
    if isinstance(spaces, Dictionary):
        for space in spaces.values():
            _inspect_space(space, faults)
    elif spaces is not None:
        _inspect_space(spaces, faults)
    group = each.get("/Group")
    if isinstance(group, Dictionary) and "/CS" in group:
        _inspect_space(group.CS, faults)


def _inspect_space(space: Any, faults: dict[str, None]) -> None:
    from pikepdf import Array

    names = (
        [str(part) for part in space if str(part).startswith("/")]
        if isinstance(space, Array)
        else [str(space)]
    )
    is_profiled = names[:1] == ["/ICCBased"]
    if "/DeviceCMYK" in names and not is_profiled:
        faults["it has CMYK colors without a profile"] = None


def _inspect_image(image: Any, faults: dict[str, None]) -> None:
    filters = str(image.get("/Filter"))
    if "/JPXDecode" in filters:
        faults["it has an image in JPEG 2000"] = None
    if "/LZWDecode" in filters:
        faults["it has a stream in LZW"] = None
    if image.get("/Interpolate"):
        image.Interpolate = False
    for key in ("/Alternates", "/OPI"):
        if key in image:
            del image[key]


def _inspect_font(font: Any, faults: dict[str, None]) -> None:
    from pikepdf import Name

    if font.get("/Subtype") in (Name.Type0, Name.Type3):
        return  # a composite font embeds in its descendant, and Type 3 draws its glyphs itself
    descriptor = font.get("/FontDescriptor")
    if descriptor is None or not {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor.keys()):
        name = str(font.get("/BaseFont", "without a name")).lstrip("/")
        faults[f"its font {name[:80]} is not embedded"] = None
