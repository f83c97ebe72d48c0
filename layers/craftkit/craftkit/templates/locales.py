"""Checks a template's locale: a BCP 47 tag whose parts CLDR knows."""

import json
import re
from functools import cache
from pathlib import Path

LOCALE_PATTERN = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}$"
_LOCALE = re.compile(LOCALE_PATTERN.rstrip("$"))
_FILE = Path(__file__).parent / "locale_tags.json"


def locale_fault(tag: str) -> str | None:
    """Why a template cannot have this locale, or None."""
    if not _LOCALE.fullmatch(tag):
        return "Must be a BCP 47 tag of language and territory, such as en, de-CH or ar"
    language, *others = tag.split("-")
    if language.lower() not in _known("languages"):
        return f"{language} is not a language that CLDR has data for; docs/templates.md lists them"
    for part in others:
        if len(part) == 4 and part.isalpha() and part.title() not in _known("scripts"):
            return f"{part} is not a script (ISO 15924)"
        is_territory = len(part) == 2 or (len(part) == 3 and part.isdigit())
        if is_territory and part.upper() not in _known("territories"):
            return f"{part} is not a territory (ISO 3166)"
    return None


@cache
def _known(kind: str) -> frozenset[str]:
    parts: dict[str, str] = json.loads(_FILE.read_text(encoding="utf-8"))
    return frozenset(parts[kind].split())
