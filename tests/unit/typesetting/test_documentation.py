"""docs/templates.md describes the whole prelude."""

import re
from collections.abc import Callable
from pathlib import Path

from craftkit.typesetter import Job
from typesetting import typeset

PAGE = Path("docs/templates.md").read_text(encoding="utf-8")
PRELUDE = Path("layers/typesetting/typesetting/craftkit.typ").read_text(encoding="utf-8")


def test_documentation__every_name_of_the_prelude_has_its_section() -> None:
    public = set(re.findall(r"^#let ([a-z][\w-]*)", PRELUDE, re.MULTILINE)) - {"defaults"}
    assert set(re.findall(r"^### `([a-z][\w-]*)", PAGE, re.MULTILINE)) == public


def test_documentation__the_example_compiles(job: Callable[..., Job]) -> None:
    example = PAGE.partition("```typst\n")[2].partition("```")[0]
    data = {
        "number": "2026-014",
        "customer": {"name": "Ada Lovelace"},
        "issued": "2026-11-24",
        "items": [{"name": "Engine", "qty": "3", "price": "400.00"}],
        "discount": "20.00",
        "total": "1180.00",
    }
    types = {
        "issued": "date",
        "items.qty": "number",
        "items.price": "currency:EUR",
        "discount": "currency:EUR",
        "total": "currency:EUR",
    }
    document = typeset(job(example, data, types=types))
    assert (document.page_count, document.warnings) == (1, ())
