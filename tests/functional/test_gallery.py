"""Every template of the gallery, through the real typesetter."""

import json
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import pypdfium2
import pytest
import zxingcpp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pikepdf import Pdf

from craftkit.templates import data, gallery
from craftkit.templates.models import Loop, Variable
from craftkit.typesetter import Document, Job
from testkit.pdf import collisions, pages_of, text_of, unbroken
from testkit.template import ROOT
from tests.unit.templates.manifests import one
from typesetting import typeset
from typesetting.files import with_images

_LETTERS = (
    "abcdeghijkmnopqrsuvwxyzABCDXYZäöüßéñçøåΩαβγδжйцщ0123456789#$*_@<>[]{}\\\"'`~/&%!?+=|.,;:()€£"
)
_WORD = st.text(_LETTERS, min_size=1, max_size=9)
_TEXT = st.lists(_WORD, min_size=1, max_size=4).map(" ".join)
_HOSTILE = st.text() | st.sampled_from(
    [
        "#panic()",
        '#read("/etc/passwd")',
        "= a",
        "*",
        "\\",
        "x" * 200,
        "مرحبا بالعالم",
        "שלום",
        "日本語",
    ]
)
_CURRENCIES = st.sampled_from(["EUR", "USD", "GBP", "CHF"])
_CHECKED = settings(
    deadline=None,
    max_examples=8,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

# Text that is short by nature, or that a machine reads.
_SHORT = (
    {"currency", "routing", "service.mark", "recipient.postcode", "items.unit", "items.bin"}
    | {"tickets.category", "tickets.gate", "tickets.row", "tickets.seat"}
    | {"figures.value", "trend.label", "sections.lines.unit"}
)

# What a template does not print as text, by design.
_SILENT = {
    "invoice": {"issuer.country", "customer.country", "items.vatRate", "items.vatCategory"},
    "credit-note": {"issuer.country", "customer.country", "items.vatRate"},
    "receipt": {"items.qty"},
    "ticket": {"currency"},
}


def _job(entry: gallery.Entry, sent: object, **changes: Any) -> Job:
    return with_images(
        Job(
            **{
                "source": entry.source,
                "data": data.validate_data(entry.manifest, sent),
                "types": data.types(entry.manifest),
                "locale": entry.locale,
                "title": entry.name,
                "created_at": datetime(2026, 11, 24, tzinfo=UTC),
                "pdf_standard": entry.pdf_standard,
                **changes,
            }
        )
    )


def _typeset(entry: gallery.Entry, sent: object, **changes: Any) -> Document:
    return typeset(_job(entry, sent, **changes))


def _value(variable: Variable, text: st.SearchStrategy[str], key: str) -> st.SearchStrategy[Any]:
    if key == "currency":
        return _CURRENCIES
    match variable.data_type:
        case "text" | "longtext" | "richtext":
            return text.map(lambda said: said if any(map(str.isalnum, said)) else "–")
        case "number":
            return st.decimals(0, 99999, places=2).map(str)
        case "currency":
            return st.decimals(-999999, 999999, places=2).map(str)
        case "date":
            return st.dates().map(str)
        case "datetime":
            return st.datetimes().map(
                lambda moment: moment.replace(microsecond=0).isoformat() + "Z"
            )
        case "boolean":
            return st.booleans()
        case "email":
            return st.from_regex(r"[a-z0-9.]{1,12}@[a-z0-9]{1,12}\.[a-z]{2,4}", fullmatch=True)
        case "url":
            return st.from_regex(r"https://[a-z]{1,12}\.example/[a-z0-9/]{0,20}", fullmatch=True)
        case "barcode" if variable.format == "ean13":
            return st.from_regex(r"[0-9]{12}", fullmatch=True)
        case "image":
            return st.just(data.preview_data(one("image"))["value"])
        case _:
            return st.text("ABCDEFGHJKLMNP0123456789", min_size=1, max_size=16)


def _documents(
    variables: tuple[Variable, ...],
    loops: tuple[Loop, ...],
    text: st.SearchStrategy[str],
    whole: bool,
) -> st.SearchStrategy[dict[str, Any]]:
    """Data for a manifest: all fields, or the required fields and some more."""
    parts: dict[str, st.SearchStrategy[Any]] = {}
    for variable in variables:
        value = _value(variable, text, variable.key)
        parts[variable.key] = value if whole or variable.required else st.none() | value
    for loop in loops:
        items = _documents(loop.variables, loop.loops, text, whole)
        parts[loop.key] = st.lists(items, min_size=2 if whole else 0, max_size=4)
    return st.fixed_dictionaries(parts).map(_nested)


def _nested(flat: dict[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in flat.items():
        *parents, name = key.split(".")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[name] = value
    return tree


def _printed(entry: gallery.Entry, validated: dict[str, Any]) -> Iterator[str]:
    """The texts that the page must contain."""
    silent = _SILENT.get(entry.slug, set()) | {"currency"}
    for path, variable in data.variables(entry.manifest):
        if path in silent:
            continue
        for _, value in data.values_at(path, validated):
            match variable.data_type:
                case "text" | "longtext" | "email":
                    yield value
                case "currency":
                    yield f"{abs(Decimal(value)):,.2f}"
                case "number":
                    yield f"{Decimal(value).normalize():,f}"
                case "barcode" if variable.format in ("code128", "ean13"):
                    yield value


@pytest.mark.parametrize("slug", gallery.SLUGS)
def test_gallery__the_preview_shows_the_data_file(slug: str) -> None:
    entry = gallery.load(slug)
    file = gallery.FOLDER / slug / "data.json"
    assert json.loads(file.read_text()) == data.preview_data(entry.manifest)


@pytest.mark.parametrize("watermark", [False, True])
@pytest.mark.parametrize("slug", gallery.SLUGS)
def test_gallery__the_preview_is_tagged_titled_and_without_warning(
    slug: str, watermark: bool
) -> None:
    entry = gallery.load(slug)
    document = _typeset(entry, data.preview_data(entry.manifest), watermark=watermark)
    assert document.warnings == ()
    with Pdf.open(BytesIO(document.pdf)) as pdf:
        assert len(pdf.pages) == document.page_count
        assert "/StructTreeRoot" in pdf.Root
        assert bool(pdf.Root.MarkInfo.Marked)
        assert str(pdf.Root.Lang).startswith("en")
        with pdf.open_metadata() as metadata:
            assert metadata["dc:title"] == entry.name
            assert metadata["pdfuaid:part"] == "1"
            assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("2", "A")


@pytest.mark.parametrize("slug", gallery.SLUGS)
def test_gallery__the_required_data_alone_makes_a_page(slug: str) -> None:
    entry = gallery.load(slug)
    sample = data.preview_data(entry.manifest)
    least = _nested(
        {
            variable.key: _at(sample, variable.key)
            for variable in entry.manifest.variables
            if variable.required
        }
        | {loop.key: [] for loop in entry.manifest.loops if loop.required}
    )
    assert _typeset(entry, least).page_count >= 1


def test_invoice__accepts_the_request_of_the_quick_start() -> None:
    entry = gallery.load("invoice")
    sent = {
        "customer": {"name": "Ada Lovelace"},
        "items": [
            {"name": "Widget", "qty": 2, "price": 9.5},
            {"name": "Gear", "qty": "3", "price": "0.1"},
        ],
        "total": 19.3,
    }
    text = text_of(_typeset(entry, sent).pdf)
    for printed in ("Ada Lovelace", "Widget", "$9.50", "$19.00", "$0.30", "$19.30"):
        assert printed in text


@pytest.mark.parametrize("slug", gallery.SLUGS)
@_CHECKED
@given(st.data())
def test_gallery__all_data_is_on_the_page(slug: str, draw: st.DataObject) -> None:
    entry = gallery.load(slug)
    manifest = entry.manifest
    sent = draw.draw(_documents(manifest.variables, manifest.loops, _TEXT, whole=True))
    found = unbroken(text_of(_typeset(entry, sent).pdf))
    for value in _printed(entry, data.validate_data(manifest, sent)):
        assert unbroken(value) in found


@pytest.mark.parametrize("slug", gallery.SLUGS)
@_CHECKED
@given(st.data())
def test_gallery__generated_data_stays_on_the_page(slug: str, draw: st.DataObject) -> None:
    entry = gallery.load(slug)
    manifest = entry.manifest
    sent = draw.draw(_documents(manifest.variables, manifest.loops, _HOSTILE, whole=False))
    assert _typeset(entry, sent).page_count >= 1


@pytest.mark.parametrize("slug", sorted(set(gallery.SLUGS) - {"shipping-label", "ticket"}))
def test_gallery__a_word_wider_than_its_column_is_broken(slug: str) -> None:
    entry = gallery.load(slug)
    word = "Xylophon" * 15
    missing = set()
    for path, variable in data.variables(entry.manifest):
        if variable.data_type in ("text", "longtext") and path != "currency":
            sent = deepcopy(data.preview_data(entry.manifest))
            _set(sent, path.split("."), word)
            printed = data.validate_data(entry.manifest, sent)
            found = unbroken(text_of(_typeset(entry, sent).pdf))
            missing |= {
                value for value in _printed(entry, printed) if unbroken(value) not in found
            } and {path}
    assert missing == set()


@pytest.mark.parametrize(
    "mark",
    [
        "abcdefgh( abcdefgh( abcdefgh( abcdefgh(",
        "abcdefghi !!!!!!!!! ]abcdefgh .abcdefgh",
        "((((((((( [[[[[[[[[ {{{{{{{{{ (((((((((",
    ],
)
def test_label__brackets_beside_spaces_keep_no_words_together(mark: str) -> None:
    entry = gallery.load("shipping-label")
    text = text_of(_typeset(entry, _with(entry, {}) | {"service": {"name": "X", "mark": mark}}).pdf)
    assert unbroken(mark) in unbroken(text)


def _with(entry: gallery.Entry, changes: dict[str, str]) -> dict[str, Any]:
    """The preview's data with another value for a data type or a path."""
    sent = deepcopy(data.preview_data(entry.manifest))
    for path, variable in data.variables(entry.manifest):
        value = changes.get(path, changes.get(variable.data_type))
        if value is not None and path not in _SHORT:
            _set(sent, path.split("."), value)
    return sent


@pytest.mark.parametrize("slug", gallery.SLUGS)
@pytest.mark.parametrize(
    ("changes", "locale"),
    [
        ({}, "en"),
        ({"currency": "1234567890.50", "number": "1250.5"}, "id"),
        ({"currency": "-98765432.10"}, "fr"),
        ({"text": "株式会社山田太郎商店"}, "ja"),
        ({"text": "Rechtsanwältinnen und Notare Müller-Lüdenscheidt"}, "de"),
    ],
    ids=["preview", "billions", "negative", "japanese", "names"],
)
def test_gallery__texts_do_not_overlap(slug: str, changes: dict[str, str], locale: str) -> None:
    entry = gallery.load(slug)
    assert collisions(_typeset(entry, _with(entry, changes), locale=locale).pdf) == []


def test_label__a_long_address_is_set_smaller() -> None:
    entry = gallery.load("shipping-label")
    sent = _with(
        entry,
        {
            "recipient.name": "Prof. Dr. Maximiliane von Hohenlohe-Schillingsfürst",
            "recipient.company": "Rechtsanwalts- und Notariatskanzlei Bartholomäus & Söhne",
            "recipient.street": "Donaudampfschifffahrtsgesellschaftsstraße 112, Hinterhaus",
            "recipient.city": "Rothenburg ob der Tauber",
            "recipient.country": "Bundesrepublik Deutschland",
            "instructions": "Please ring at the neighbour's, and do not leave it in the rain.",
        },
    )
    assert collisions(_typeset(entry, sent).pdf) == []


def test_invoice__the_sums_are_on_a_page_with_an_item() -> None:
    entry = gallery.load("invoice")
    sent = data.preview_data(entry.manifest)
    items = sent["items"] * 4
    for count in range(8, 16):
        pdf = _typeset(entry, sent | {"items": items[:count]}).pdf
        [sums] = [page for page in pages_of(pdf) if "Subtotal" in page]
        assert "Quantity" in sums, count


def test_quote__a_quantity_is_not_split_across_pages() -> None:
    entry = gallery.load("quote")
    sent = deepcopy(data.preview_data(entry.manifest))
    unit = "days of eight hours each, travel included, on site or from afar, as agreed"
    line = {"name": "Work", "qty": "1", "unit": unit, "price": "1.00"}
    sent["sections"] = [{"title": "Build", "lines": [line] * 12}]
    for height in range(1, 7):
        sent["intro"] = "\n".join(["Thank you."] * height)
        text = unbroken(text_of(_typeset(entry, sent).pdf))
        assert text.count(unbroken(unit)) == 12


@pytest.mark.parametrize("slug", ["certificate", "credit-note", "letter"])
def test_gallery__right_to_left_pages_are_mirrored(slug: str) -> None:
    """Frame, band and fold marks depend on the paper, not on the text direction."""
    entry = gallery.load(slug)
    sent = data.preview_data(entry.manifest)
    edges = []
    for locale in ("en-GB", "ar"):
        page = pypdfium2.PdfDocument(_typeset(entry, sent, locale=locale).pdf)[0]
        image = page.render().to_pil().convert("L")
        width, height = image.size
        edges.append([image.crop((x, 0, x + 40, height)).tobytes() for x in (0, width - 40)])
    assert edges[0] == edges[1]


@pytest.mark.parametrize(
    ("slug", "expected"),
    [
        ("shipping-label", {"PN7204418812SE", "ATH|10554|PN7204418812SE|E12|4200"}),
        ("packing-slip", {"SO-10482-77", "7038010013652", "7038010091209"}),
        ("receipt", {"R-004-219873"}),
        ("ticket", {"ST-55013-1-9F3A77C2"}),
        ("certificate", {"https://verify.nst.example/NST-2026-00418"}),
        ("invoice", {"https://pay.fjordandfield.example/INV-2026-0142"}),
    ],
)
def test_gallery__codes_can_be_scanned(slug: str, expected: set[str]) -> None:
    entry = gallery.load(slug)
    document = _typeset(entry, data.preview_data(entry.manifest))
    page = pypdfium2.PdfDocument(document.pdf)[0].render(scale=4).to_pil().convert("L")
    assert expected <= {code.text for code in zxingcpp.read_barcodes(page)}


def test_gallery__has_at_least_eight_templates_with_name_and_description() -> None:
    entries = gallery.entries()
    assert len(entries) >= 8
    assert all(entry.name and entry.description for entry in entries)
    images = {image.stem for image in (ROOT / "docs/gallery").glob("*.png")}
    assert images == set(gallery.SLUGS)
    folders = {source.parent.name for source in gallery.FOLDER.glob("*/source.typ")}
    assert folders == set(gallery.SLUGS)


def _set(value: Any, steps: list[str], word: str) -> None:
    if isinstance(value, list):
        for item in value:
            _set(item, steps, word)
    elif len(steps) == 1:
        value[steps[0]] = word
    else:
        _set(value[steps[0]], steps[1:], word)


def _at(value: Any, key: str) -> Any:
    for step in key.split("."):
        value = value[step]
    return value
