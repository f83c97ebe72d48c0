"""The field of a seal in a tagged PDF.

PDF/UA-1 (ISO 14289-1, 7.18) wants a widget that is seen to be the content of a `Form` element, with
an alternate name, and its page to have the tab order of the structure. A widget outside of the
page's box need not be tagged. PDF/A-2 and -3 (ISO 19005-2, 6.3) want the flag `Print`, and an
appearance with embedded fonts where the widget has a size.
"""

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import InvisSigSettings, SigFieldSpec, append_signature_field

if TYPE_CHECKING:
    from pdf_seals.sealing import Field

ALTERNATE_NAME = "Electronic seal of this document"
_Draw = Callable[[float, float], bytes]


def add_field(
    writer: IncrementalPdfFileWriter, name: str, field: "Field | None", draw: _Draw | None
) -> None:
    """Add an empty signature field, with its appearance where it is visible.

    Raises:
        FieldError: the field is not on a page of the document.
    """
    index, box = _place(writer, field) if field else (0, None)
    spec = SigFieldSpec(
        name,
        on_page=index,
        box=box,
        invis_sig_settings=InvisSigSettings(box_out_of_bounds=True),
        readable_field_name=ALTERNATE_NAME,
    )
    append_signature_field(writer, spec)
    reference = _field_reference(writer)
    widget: Any = reference.get_object()
    page_reference = widget.raw_get("/P")
    page: Any = page_reference.get_object()
    page[pdf_name("/Tabs")] = pdf_name("/S")
    writer.mark_update(page_reference)
    if field is None or box is None:
        return
    if draw:
        drawn = PdfFileReader(BytesIO(draw(field.width, field.height)))
        appearance = writer.import_page_as_xobject(drawn)
        widget[pdf_name("/AP")] = generic.DictionaryObject({pdf_name("/N"): appearance})
    if "/StructTreeRoot" in writer.root:
        _tag(writer, reference, page_reference)
    writer.mark_update(reference)


def _place(
    writer: IncrementalPdfFileWriter, field: "Field"
) -> tuple[int, tuple[float, float, float, float]]:
    """The index of the field's page, and its box in the coordinates of PDF."""
    from pdf_seals.sealing import FieldError

    count = int(writer.root["/Pages"]["/Count"])
    index = count - 1 if field.page == -1 else field.page - 1
    if index >= count:
        pages = "1 page" if count == 1 else f"{count} pages"
        raise FieldError(f"The seal's field is on page {field.page}, and the document has {pages}.")
    page: Any = writer.find_page_for_modification(index)[0].get_object()
    left, bottom, right, top = _media_box(page)
    box = (
        left + field.x,
        top - field.y - field.height,
        left + field.x + field.width,
        top - field.y,
    )
    # A point more, because sizes of paper are rounded.
    if box[2] > right + 1 or box[1] < bottom - 1:
        raise FieldError(
            f"The seal's field ends at {field.x + field.width:g} × {field.y + field.height:g} "
            f"points, and page {index + 1} has {right - left:.0f} × {top - bottom:.0f} points."
        )
    return index, box


def _media_box(page: Any) -> tuple[float, float, float, float]:
    node = page
    while "/MediaBox" not in node:
        node = node["/Parent"]
    left, bottom, right, top = map(float, node["/MediaBox"])
    return left, bottom, right, top


def _field_reference(writer: IncrementalPdfFileWriter) -> Any:
    fields: Any = writer.root["/AcroForm"]["/Fields"]
    return fields.raw_get(len(fields) - 1)


def _tag(writer: IncrementalPdfFileWriter, widget_reference: Any, page_reference: Any) -> None:
    """Add a `Form` element with the widget to the end of the document's structure."""
    root_reference = writer.root.raw_get("/StructTreeRoot")
    root: Any = root_reference.get_object()
    parent_reference, parent = _document_element(root_reference, root)
    key = int(root.get("/ParentTreeNextKey", _next_key(root)))
    element = writer.add_object(
        generic.DictionaryObject(
            {
                pdf_name("/Type"): pdf_name("/StructElem"),
                pdf_name("/S"): pdf_name("/Form"),
                pdf_name("/P"): parent_reference,
                pdf_name("/Pg"): page_reference,
                pdf_name("/Alt"): generic.TextStringObject(ALTERNATE_NAME),
                pdf_name("/K"): generic.DictionaryObject(
                    {
                        pdf_name("/Type"): pdf_name("/OBJR"),
                        pdf_name("/Obj"): widget_reference,
                        pdf_name("/Pg"): page_reference,
                    }
                ),
            }
        )
    )
    kids = parent.get("/K")
    others = list(kids) if isinstance(kids, generic.ArrayObject) else [] if kids is None else [kids]
    parent[pdf_name("/K")] = generic.ArrayObject([*others, element])
    writer.mark_update(parent_reference)
    widget_reference.get_object()[pdf_name("/StructParent")] = generic.NumberObject(key)
    _extend_parent_tree(writer, root, key, element)
    root[pdf_name("/ParentTreeNextKey")] = generic.NumberObject(key + 1)
    writer.mark_update(root_reference)


def _document_element(root_reference: Any, root: Any) -> tuple[Any, Any]:
    """The element that holds the whole document, or the root where there are several."""
    kids: Any = root.raw_get("/K") if "/K" in root else None
    if isinstance(kids, generic.IndirectObject) and isinstance(
        kids.get_object(), generic.ArrayObject
    ):
        kids = kids.get_object()
    if isinstance(kids, generic.ArrayObject) and len(kids) == 1:
        kids = kids.raw_get(0)
    if isinstance(kids, generic.IndirectObject):
        return kids, kids.get_object()
    return root_reference, root


def _next_key(root: Any) -> int:
    tree: Any = root.get("/ParentTree", {})
    return max((int(key) for key in list(tree.get("/Nums", []))[::2]), default=-1) + 1


def _extend_parent_tree(
    writer: IncrementalPdfFileWriter, root: Any, key: int, element: Any
) -> None:
    """Add the widget's entry to the number tree. Typst writes one node, and others are kept."""
    entry = [generic.NumberObject(key), element]
    tree: Any = root.get("/ParentTree", generic.DictionaryObject())
    if "/Nums" in tree or "/Kids" not in tree:
        nums = generic.ArrayObject([*_raw_items(tree.get("/Nums", [])), *entry])
        root[pdf_name("/ParentTree")] = generic.DictionaryObject({pdf_name("/Nums"): nums})
        return
    bounds = generic.ArrayObject([generic.NumberObject(key)] * 2)
    node = writer.add_object(
        generic.DictionaryObject(
            {pdf_name("/Nums"): generic.ArrayObject(entry), pdf_name("/Limits"): bounds}
        )
    )
    kids = generic.ArrayObject([*_raw_items(tree["/Kids"]), node])
    root[pdf_name("/ParentTree")] = generic.DictionaryObject({pdf_name("/Kids"): kids})


def _raw_items(items: Any) -> list[Any]:
    """The entries of an array with their references."""
    if isinstance(items, generic.ArrayObject):
        return [items.raw_get(index) for index in range(len(items))]
    return list(items)
