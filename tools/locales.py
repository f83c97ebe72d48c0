"""Writes the CLDR data that Craftkit uses, with Babel.

    python -m tools.locales

`typesetting/locales.jsonl` is for the prelude: each line is a BCP 47 tag, a tab, and JSON. It
replaces Babel in the layer: 30 MB less, and a shorter cold start. `templates/locale_tags.json` has
the languages, scripts and territories to validate a template's locale.
"""

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from babel import Locale, localedata
from babel.core import UnknownLocaleError, get_global
from babel.dates import tokenize_pattern
from babel.localedata import locale_identifiers
from babel.numbers import get_territory_currencies

_LAYERS = Path(__file__).parents[1] / "layers"
FILE = _LAYERS / "typesetting/typesetting/locales.jsonl"
TAGS_FILE = _LAYERS / "craftkit/craftkit/templates/locale_tags.json"

# The date for a territory's currency, fixed so that the file depends on Babel only.
_DAY = date(2026, 11, 24)
_STYLES = ("short", "medium", "long", "full")
# The digit zero of each numbering system that is a locale's default.
_ZERO = {
    "latn": "0",
    "adlm": "\U0001e950",
    "arab": "٠",
    "arabext": "۰",
    "beng": "০",
    "cakm": "\U00011136",
    "deva": "०",
    "hmnp": "\U0001e140",
    "java": "\ua9d0",
    "lana": "\u1a80",
    "mtei": "\uabf0",
    "mymr": "၀",
    "nkoo": "߀",
    "olck": "᱐",
    "rohg": "\U00010d30",
    "tibt": "༠",
}


def main() -> None:
    content = list(lines())
    FILE.write_text("".join(content), encoding="utf-8")
    TAGS_FILE.write_text(tags_file(content), encoding="utf-8")


def tags_file(content: list[str]) -> str:
    """The parts of the tags in the lines of the file, as JSON."""
    tags = [line.partition("\t")[0] for line in content[1:]]
    parts = {part for tag in tags for part in tag.split("-")[1:]}
    found = {
        "languages": {tag.partition("-")[0] for tag in tags},
        "scripts": {part for part in parts if len(part) == 4 and part.isalpha()},
        "territories": {part for part in parts if re.fullmatch("[A-Z]{2}|[0-9]{3}", part)},
    }
    return (
        json.dumps({name: " ".join(sorted(kind)) for name, kind in found.items()}, indent=2) + "\n"
    )


def lines() -> Iterator[str]:
    # Babel resolves aliases in place, so earlier lookups would change later results.
    localedata._cache.clear()  # noqa: SLF001
    found = {tag: locale for tag in sorted(_tags()) if (locale := _parse(tag))}
    yield _line("*", {"digits": _currency_digits()})
    for tag, locale in found.items():
        yield _line(tag, of(locale))


def of(locale: Locale) -> dict[str, Any]:
    """The prelude's data of a locale."""
    numbering = locale.default_numbering_system
    if numbering not in locale.number_symbols or numbering not in _ZERO:
        numbering = "latn"
    symbols = {**locale.number_symbols["latn"], **locale.number_symbols[numbering]}
    number, currency = locale.decimal_formats[None], locale.currency_formats["standard"]
    return {
        "lang": locale.language,
        "region": _territory(locale),
        "script": locale.script,
        "dir": locale.text_direction,
        "zero": _ZERO[numbering],
        "decimal": symbols["decimal"],
        "group": symbols["group"],
        "grouping": list(number.grouping),
        "places": list(number.frac_prec),
        "number": _affixes(number, symbols["minusSign"]),
        "currency": _affixes(currency, symbols["minusSign"]),
        "money": _money(locale),
        "symbols": {code: sign for code, sign in locale.currency_symbols.items() if code != sign},
        "date": {style: _tokens(locale.date_formats[style].pattern) for style in _STYLES},
        "time": {style: _tokens(locale.time_formats[style].pattern) for style in _STYLES[:2]},
        "join": {style: str(locale.datetime_formats[style]) for style in _STYLES},
        "names": {
            **_names("M", locale.months["format"]),
            **_names("L", locale.months["stand-alone"]),
            **_names("E", locale.days["format"]),
            "a": [
                locale.day_periods["format"]["abbreviated"].get(half, half.upper())
                for half in ("am", "pm")
            ],
            "G": [locale.eras["abbreviated"].get(1, "AD")],
        },
    }


def _tags() -> Iterator[str]:
    """Babel's locales, and short forms without a default script (zh-TW)."""
    for identifier in locale_identifiers():
        yield identifier.replace("_", "-")
        language, *rest = identifier.split("_")
        if len(rest) == 2 and len(rest[0]) == 4:
            yield f"{language}-{rest[1]}"


def _parse(tag: str) -> Locale | None:
    try:
        locale = Locale.parse(tag, sep="-")
        return locale if locale.date_formats and locale.currency_formats["standard"] else None
    except (UnknownLocaleError, ValueError, KeyError):
        return None


def _line(tag: str, value: dict[str, Any]) -> str:
    return f"{tag}\t{json.dumps(value, ensure_ascii=False, separators=(',', ':'))}\n"


def _currency_digits() -> dict[str, int]:
    fractions = get_global("currency_fractions")
    return {
        code: digits[0]
        for code, digits in sorted(fractions.items())
        if digits[0] != 2 and code != "DEFAULT"
    }


def _affixes(pattern: Any, minus: str) -> list[list[str]]:
    """Prefix and suffix of a positive and of a negative number, `¤` for the currency."""
    return [
        [_unquoted(affix[sign]).replace("-", minus) for affix in (pattern.prefix, pattern.suffix)]
        for sign in (0, 1)
    ]


def _unquoted(text: str) -> str:
    return re.sub(r"'([^']*)'", lambda quoted: quoted[1] or "'", text)


def _territory(locale: Locale) -> str | None:
    if locale.territory:
        return locale.territory
    likely = get_global("likely_subtags").get(str(locale))
    return likely.rpartition("_")[2] if likely else None


def _money(locale: Locale) -> str | None:
    territory = _territory(locale)
    current = get_territory_currencies(territory, _DAY, _DAY) if territory else []
    return current[0] if current else None


def _tokens(pattern: str) -> list[list[Any]]:
    """A date pattern as `[field, width]` and `[text]`. `B` and `c` become the plainer `a`, `E`."""
    plainer = {"B": "a", "c": "E"}
    return [
        [plainer.get(value[0], value[0]), value[1]] if kind == "field" else [value]
        for kind, value in tokenize_pattern(pattern)
    ]


def _names(letter: str, widths: Any) -> dict[str, list[str]]:
    return {
        letter * width: [name for _, name in sorted(widths[key].items())]
        for width, key in ((3, "abbreviated"), (4, "wide"))
    }


if __name__ == "__main__":
    main()
