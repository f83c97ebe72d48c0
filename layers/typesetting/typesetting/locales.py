"""Locale data of CLDR. `tools/locales.py` writes the file with Babel."""

import json
from functools import cache, lru_cache
from pathlib import Path

_FILE = Path(__file__).parent / "locales.jsonl"

# CLDR has no translation of "Page 1 of 3". {0} is the page, {1} the number of pages.
_PAGES = {
    "ar": "صفحة {0} من {1}",
    "cs": "Strana {0} z {1}",
    "da": "Side {0} af {1}",
    "de": "Seite {0} von {1}",
    "el": "Σελίδα {0} από {1}",
    "en": "Page {0} of {1}",
    "es": "Página {0} de {1}",
    "fi": "Sivu {0} / {1}",
    "fr": "Page {0} sur {1}",
    "he": "עמוד {0} מתוך {1}",
    "hi": "पृष्ठ {0} / {1}",
    "it": "Pagina {0} di {1}",
    "ja": "{0} / {1} ページ",
    "ko": "{0} / {1}쪽",
    "nb": "Side {0} av {1}",
    "nl": "Pagina {0} van {1}",
    "pl": "Strona {0} z {1}",
    "pt": "Página {0} de {1}",
    "ro": "Pagina {0} din {1}",
    "ru": "Страница {0} из {1}",
    "sv": "Sida {0} av {1}",
    "tr": "Sayfa {0} / {1}",
    "uk": "Сторінка {0} з {1}",
    "zh": "第 {0} 页，共 {1} 页",
}
_LETTER = {"BZ", "CA", "CL", "CO", "CR", "GT", "MX", "NI", "PA", "PH", "PR", "SV", "US", "VE"}


@lru_cache(maxsize=64)
def locale(tag: str) -> "Locale":
    """The nearest locale in CLDR: `de` for `de-XX`, `en` for an unknown language.

    Publishing refuses unknown tags, but versions published before that check can have them.
    """
    subtags = [_canonical(at, part) for at, part in enumerate(tag.replace("_", "-").split("-"))]
    for length in range(len(subtags), 0, -1):
        if found := _line("-".join(subtags[:length])):
            return Locale(found)
    return locale("en")


class Locale:
    """One line of the file: `text` is its JSON for the prelude."""

    def __init__(self, text: str) -> None:
        self.text = text
        values = json.loads(text)
        self.language: str = values["lang"]
        self.currency: str | None = values["money"]


@cache
def currency_digits() -> dict[str, int]:
    """Decimal places by currency code; a currency that is absent has two."""
    digits: dict[str, int] = json.loads(_line("*"))["digits"]
    return digits


def pages_words(language: str) -> str:
    return _PAGES.get(language, "{0} / {1}")


def paper(tag: str) -> str:
    """US Letter if the tag names a territory that uses it, else A4."""
    return "us-letter" if tag.upper().rpartition("-")[2] in _LETTER else "a4"


def _canonical(position: int, subtag: str) -> str:
    """A subtag in the case that BCP 47 recommends: `zh-Hant-TW`."""
    if position == 0:
        return subtag.lower()
    return {2: subtag.upper(), 4: subtag.title()}.get(len(subtag), subtag)


def _line(tag: str) -> str:
    """The JSON of a tag, or an empty string."""
    content, head = _content(), f"\n{tag}\t".encode()
    start = content.find(head) + len(head)
    return content[start : content.index(b"\n", start)].decode() if start >= len(head) else ""


@cache
def _content() -> bytes:
    return b"\n" + _FILE.read_bytes()
