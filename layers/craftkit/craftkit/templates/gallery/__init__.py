"""Complete templates to start from: a folder for each, with manifest, source and description.

The preview data of each manifest is a realistic document.
"""

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from craftkit.templates.models import Manifest, read_manifest
from craftkit.typesetter import DEFAULT_PDF_STANDARD, PdfStandard

FOLDER = Path(__file__).parent

SLUGS = (
    "invoice",
    "quote",
    "credit-note",
    "receipt",
    "packing-slip",
    "shipping-label",
    "statement",
    "payslip",
    "letter",
    "contract",
    "report",
    "certificate",
    "ticket",
)
"""The slugs in the order of the gallery."""


@dataclass(frozen=True)
class Entry:
    """A template of the gallery, ready to be published under its slug or another.

    `test_settings` are those of `craftkit templates test`.
    """

    slug: str
    name: str
    description: str
    manifest: Manifest
    source: str
    locale: str
    pdf_standard: PdfStandard = DEFAULT_PDF_STANDARD
    test_settings: dict[str, Any] = field(default_factory=dict, compare=False)


@cache
def load(slug: str) -> Entry:
    """The entry of a slug in `SLUGS`."""
    folder = FOLDER / slug
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    return Entry(
        slug=slug,
        name=about["name"],
        description=about["description"],
        locale=about["locale"],
        manifest=read_manifest(json.loads((folder / "manifest.json").read_text(encoding="utf-8"))),
        source=(folder / "source.typ").read_text(encoding="utf-8"),
        test_settings=about.get("test", {}),
    )


def entries() -> tuple[Entry, ...]:
    return tuple(map(load, SLUGS))
