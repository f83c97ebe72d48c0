"""Checks that the text of the pages contains each value of a data set."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fnmatch import fnmatchcase
from typing import Any

from craftkit.templates import data
from craftkit.templates.models import Manifest
from craftkit_cli.authoring.pages import unbroken

# What locales write within a number: grouping, the decimal sign, spaces that do not break.
_WITHIN_NUMBERS = re.compile("(?<=\\d)[.,'’٬٫\u00a0\u202f\u2009 ](?=\\d)")
_WITHIN_NUMBERS_BUT_SPACE = re.compile("(?<=\\d)[.,'’٬٫\u00a0\u202f\u2009](?=\\d)")
_NUMBERS = re.compile(r"\d+")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_WORDS = re.compile(r"\w+")
_LINK_TARGETS = re.compile(r"\]\([^)]*\)|<[^>]*>|https?://\S+")
_LONG_TEXT_WORDS = 8
_PLACES = (0, 1, 2, 3)


@dataclass(frozen=True)
class PageText:
    """The text of a document, prepared for the search."""

    letters: str
    numbers: frozenset[str]
    page_count: int

    @classmethod
    def of(cls, texts: list[str]) -> "PageText":
        text = unicodedata.normalize("NFKC", "\n".join(texts))
        letters = unbroken(text)
        digits = "".join(
            str(unicodedata.decimal(each)) if each.isdecimal() else each
            for each in "\n".join(texts)
        )
        spaced = _NUMBERS.findall(digits)
        joined = _NUMBERS.findall(_WITHIN_NUMBERS.sub("", digits))
        # A table's neighbours are joined by a space that no number has: both readings count.
        split = _NUMBERS.findall(_WITHIN_NUMBERS_BUT_SPACE.sub("", digits))
        return cls(letters, frozenset((*spaced, *joined, *split)), len(texts))

    def has(self, value: Any, data_type: str) -> bool:
        """Whether the text contains the value, in any format of the locale."""
        match data_type:
            case "number" | "currency":
                return any(form in self.numbers for form in _number_forms(Decimal(value)))
            case "date" | "datetime":
                day = date.fromisoformat(value[:10])
                years = {str(day.year), f"{day.year % 100:02}"}
                return bool(
                    years & self.numbers or any(str(day.year) in each for each in self.numbers)
                )
            case "richtext":
                return self._has_words(_WORDS.findall(_LINK_TARGETS.sub("", value)))
            case _:
                return self._has_words(value.split())

    def _has_words(self, words: list[str]) -> bool:
        missing = sum(not self._has_word(word) for word in words)
        # A footer can separate the two parts of a word that continues on the next page.
        divided = self.page_count - 1 if len(words) >= _LONG_TEXT_WORDS else 0
        return missing <= divided

    def _has_word(self, word: str) -> bool:
        wanted = unbroken(unicodedata.normalize("NFKC", word))
        if _RIGHT_TO_LEFT.search(wanted):
            # A reader gives these letters in the order of reading or of the page.
            return wanted in self.letters or wanted[::-1] in self.letters
        if wanted in self.letters:
            return True
        # Among right-to-left text, a reader may give the parts of an address in another order.
        parts = _WORDS.findall(wanted)
        return len(parts) > 1 and all(part in self.letters for part in parts)


CHECKED_TYPES = frozenset(
    {"text", "longtext", "richtext", "number", "currency", "date", "datetime", "email"}
)


def printed_values(
    manifest: Manifest, validated: Mapping[str, Any]
) -> Iterator[tuple[str, str, str, Any]]:
    """Each value that a page may show as text: manifest path, path with index, type, value."""
    for path, variable in data.variables(manifest):
        # `money` takes its currency from a field of this name, and writes the symbol.
        if variable.data_type in CHECKED_TYPES and path != "currency":
            for place, value in data.values_at(path, validated):
                yield path, place, variable.data_type, value


def match[T](path: str, by_pattern: Mapping[str, T]) -> T | None:
    """The value for a path in a mapping by paths and patterns (`event.*`); the first that fits."""
    return next((each for pattern, each in by_pattern.items() if fnmatchcase(path, pattern)), None)


def shown_fields(
    manifest: Manifest, validated: Mapping[str, Any], text: PageText
) -> tuple[frozenset[str], frozenset[str]]:
    """The fields of which all values are on the pages, and those of which none is."""
    found: dict[str, list[bool]] = {}
    for path, _, data_type, value in printed_values(manifest, validated):
        found.setdefault(path, []).append(text.has(value, data_type))
    shown = frozenset(path for path, all_ in found.items() if all(all_))
    absent = frozenset(path for path, all_ in found.items() if not any(all_))
    return shown, absent


def missing_values(
    manifest: Manifest,
    validated: Mapping[str, Any],
    text: PageText,
    fields: frozenset[str],
    printed_with: Mapping[str, str],
) -> list[str]:
    """The paths of these fields' values that are not on the pages, such as `items.3.qty`."""
    return [
        place
        for path, place, data_type, value in printed_values(manifest, validated)
        if path in fields
        and not text.has(value, data_type)
        and _is_printed(path, place, validated, printed_with)
    ]


def _is_printed(
    path: str, place: str, validated: Mapping[str, Any], printed_with: Mapping[str, str]
) -> bool:
    """False where the other field that this one is printed with has no value at the same place."""
    other = match(path, printed_with)
    return other is None or any(
        _indexes(place)[: len(_indexes(there))] == _indexes(there)
        for there, _ in data.values_at(other, validated)
    )


def _indexes(place: str) -> list[str]:
    """The items that a value is of: `["3"]` for `items.3.qty`."""
    return [step for step in place.split(".") if step.isdigit()]


def _number_forms(value: Decimal) -> Iterator[str]:
    """The digits of a number as it may be written: exact, and rounded to a currency's places."""
    value = abs(value)
    yield _digits(value.normalize() if value else value)
    yield _digits(value)
    for places in _PLACES:
        yield _digits(value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))


def _digits(value: Decimal) -> str:
    return "".join(filter(str.isdigit, format(value, "f")))
