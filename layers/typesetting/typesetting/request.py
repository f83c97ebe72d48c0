"""Builds the frame that the child receives for a job: JSON, source, images and fonts."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from craftkit.templates.image_types import image_type
from craftkit.typesetter import Finishing, Job, OutputFormat
from typesetting import locales
from typesetting.sandbox import has_cjk

_STANDARDS: Mapping[str, list[str]] = {
    "a-2a+ua-1": ["a-2a", "ua-1"],
    "a-2a": ["a-2a"],
    "a-2b": ["a-2b"],
    "a-3a+ua-1": ["a-3a", "ua-1"],
    "a-3a": ["a-3a"],
    "a-3b": ["a-3b"],
    "ua-1": ["ua-1"],
    "1.7": ["1.7"],
}
_PLANS = {"number": "decimal", "currency": "decimal", "date": "moment", "datetime": "moment"}
_RICHTEXT_FORMATS = {"": "markdown", "markdown": "markdown", "html": "html"}

_FONTS = (
    "Inter",
    "Noto Sans Arabic",
    "Noto Sans Hebrew",
    "Noto Sans Devanagari",
    "Noto Sans",
    "Noto Sans Symbols",
    "Noto Sans Symbols2",
    "Noto Sans Math",
    # The fallback must be named, and last. Otherwise Typst may choose an embedded font that claims
    # to cover a character but has no glyph for it, which PDF/A forbids.
    "Zz Craftkit Missing Glyph",
)
_CJK_FONT = "Noto Sans CJK JP"

UNASSIGNED = re.compile(
    "[\u070f\u0890\u0891\u1680\U000110bd\U000110cd\U00013430-\U0001343f\ufeff\ufdd0-\ufdef\ufff0-\ufff8\ufffe\uffff\ue000-\uf8ff"
    "\U0001fffe\U0001ffff\U0002fffe\U0002ffff\U0003347f-\U000dffff\U000e1000-\U0010ffff]"
)
"""Unassigned and private-use characters, which PDF/A-2a forbids."""
REPLACEMENT = "\ufffd"

# A tab in JSON: `\t` after an even number of backslashes. Typst gives a tab no width.
_TAB = re.compile(r"(?<!\\)((?:\\\\)*)\\t")

# Hebrew to Myanmar, including Arabic, the scripts of India and Thai: their letters extend further
# above and below the line than Latin capitals.
_TALL_SCRIPTS = re.compile("[\u0590-\u109f\u1780-\u17ff\ufb1d-\ufdff\ufe70-\ufefc]")

# Latin, Greek and Cyrillic without a hyphen. Other scripts have their own line breaking rules.
_LONG_WORD = re.compile(r"[!-,.-~\u00a1-\u052f]{25,}")
# A space that allows no line break: after an opening bracket, or before a word that begins with
# closing punctuation. See `_breakable` in craftkit.typ.
_HELD_SPACE = re.compile(r"[(\[{‹«‚„‘“] | [)\]}›»’”!?/.,:;]\S")

Values = Iterator[tuple[str, str]]


def request(
    job: Job,
    output_format: OutputFormat = "pdf",
    pixels_per_inch: float = 96.0,
    *,
    pages: str | None = None,
    check_standard: bool = True,
) -> tuple[dict[str, Any], list[bytes]]:
    """The header and the blobs of a job's frame.

    Args:
        pixels_per_inch: for PNG, JPEG and WebP.
        pages: the pages to draw as images, such as `1-3,7`; None draws all.
        check_standard: for images: whether violations of the job's PDF standard become warnings.
    """
    locale = locales.locale(job.locale)
    header: dict[str, Any] = {
        "format": output_format,
        "pixels_per_inch": pixels_per_inch,
        "codes": _codes(job),
        "image_kinds": [image_type(image) for image in job.images.values()],
        "pages": pages and [_range(part) for part in pages.split(",")],
        "standards": _STANDARDS[job.pdf_standard if check_standard else "1.7"],
        "timestamp": int(job.created_at.timestamp()),
        "watermark": job.watermark,
        "invoice": None,
        "finishing": None,
        "fragment": job.as_fragment and output_format == "pdf",
    }
    invoice = job.invoice if output_format == "pdf" else None
    if invoice:
        header["invoice"] = {"level": invoice.level, "relationship": invoice.relationship}
    finishing = job.finishing if output_format == "pdf" else None
    if finishing:
        header["finishing"] = _finishing(finishing)
    data = _json(job.data)
    described = _json({**_description(job, locale), "tall": _has_tall_script(data, job.source)})
    description = f'{{"data":{data},{described[1:]}'
    images_index = json.dumps({value: f"/images/{index}" for index, value in enumerate(job.images)})
    texts = (description, images_index, _json(_richtexts(job)), locale.text, job.source)
    return header, [
        *(text.encode() for text in texts),
        invoice.xml if invoice else b"",
        *job.images.values(),
        *job.fonts.values(),
        *(_files(finishing) if finishing else ()),
    ]


def _finishing(finishing: Finishing) -> dict[str, Any]:
    """The form for the child; the files are blobs."""
    password = finishing.password
    return {
        "letterhead": finishing.letterhead is not None,
        "append": [each.title for each in finishing.append],
        "attachments": [
            {
                "filename": each.filename,
                "media_type": each.media_type,
                "relationship": each.relationship,
                "description": each.description,
            }
            for each in finishing.attachments
        ],
        "password": asdict(password) if password else None,
    }


def _files(finishing: Finishing) -> Iterator[bytes]:
    if finishing.letterhead is not None:
        yield finishing.letterhead
    yield from (each.content for each in finishing.append)
    yield from (each.content for each in finishing.attachments)


def _has_tall_script(*texts: str) -> bool:
    return any(not text.isascii() and _TALL_SCRIPTS.search(text) for text in texts)


def _range(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    return int(first), int(last or first)


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return UNASSIGNED.sub(REPLACEMENT, _TAB.sub(r"\1 ", text) if "\\t" in text else text)


def _description(job: Job, locale: locales.Locale) -> dict[str, Any]:
    """What the prelude receives in addition to data and locale."""
    formats = [kind.partition(":") for kind in job.types.values()]
    money = next((code for kind, _, code in formats if kind == "currency" and code), None)
    cjk = (_CJK_FONT,) if has_cjk() else ()
    return {
        "title": job.title,
        "digits": locales.currency_digits(),
        "currency": money or locale.currency or "USD",
        "pages": locales.pages_words(locale.language),
        "paper": locales.paper(job.locale),
        "fonts": (*_FONTS[:4], *cjk, *_FONTS[4:]),
        "plan": _plan(job.types),
        "breakable": _needs_breaks(job),
        "image_paths": {value: path for path, value in _values(job, {"image"})},
    }


def _needs_breaks(job: Job) -> bool:
    """Whether a text may have no line break where its column ends: in a long word, or at a space
    that allows none."""
    texts = _values(job, {"text", "longtext", "email", "richtext"})
    return any(
        _HELD_SPACE.search(text) or (len(text) > 24 and _LONG_WORD.search(text))
        for _, text in texts
    )


def _plan(types: Mapping[str, str]) -> dict[str, Any]:
    """The paths whose values the prelude converts, as a tree: `{items: {qty: decimal}}`."""
    tree: dict[str, Any] = {}
    for path, kind in types.items():
        name, _, format_ = kind.partition(":")
        is_richtext = name == "richtext"
        if plan := _RICHTEXT_FORMATS[format_] if is_richtext else _PLANS.get(name):
            *parents, name = path.split(".")
            node = tree
            for parent in parents:
                node = node.setdefault(parent, {})
            node[name] = plan
    return tree


def _richtexts(job: Job) -> list[str]:
    """The rich texts of the data as `format:text`, the key that the prelude uses."""
    return [
        f"{_RICHTEXT_FORMATS[kind.partition(':')[2]]}:{value}"
        for path, kind in job.types.items()
        if kind.startswith("richtext")
        for _, value in _at(job.data, path.split("."), "")
    ]


def _codes(job: Job) -> list[str]:
    """The codes of the manifest's code variables, such as `ean13:4006381333931`."""
    kinds = {path: kind for path, kind in job.types.items() if kind.startswith(("qr", "barcode:"))}
    return sorted(
        {
            f"{kind.partition(':')[2] or 'qr'}:{value}"
            for path, kind in kinds.items()
            for _, value in _at(job.data, path.split("."), "")
        }
    )


def _values(job: Job, kinds: set[str]) -> Values:
    for path, kind in job.types.items():
        if kind in kinds:
            yield from _at(job.data, path.split("."), "")


def _at(value: Any, steps: list[str], path: str) -> Values:
    """The values below a manifest path, each with its own path (`items.3.photo`)."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _at(item, steps, f"{path}.{index}")
    elif steps:
        if isinstance(value, Mapping) and (inner := value.get(steps[0])) is not None:
            yield from _at(inner, steps[1:], f"{path}.{steps[0]}" if path else steps[0])
    elif isinstance(value, str):
        yield path, value
