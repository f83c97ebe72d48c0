"""The texts of the embedded form in each language."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from craftkit.embed.page import html

ASSETS = Path(html.__file__).parent / "assets"
TRANSLATED = ("fields", "filling", "form", "main", "preview", "viewing")
"""The modules of the form and the viewer. The editor has only English texts."""

INDIRECT = {
    # A message of the service, or of `images.js`, which `fields.js` translates.
    "Must be text",
    "Must be a number",
    "Must be a date, as YYYY-MM-DD",
    "Must be an http(s) URL",
    "Must be an email address",
    "The image is larger than 5 MB.",
    "This file is not a PNG, JPEG, WebP or GIF image.",
    "This image is damaged and cannot be read.",
    "This file cannot be read.",
    "The service did not respond. Check your connection and try again.",
    # Constants that are translated where they are shown.
    "Required",
    "Optional",
    "Starts with https://",
    "PNG, JPEG, WebP or GIF, at most 5 MB",
    # Made of the name of a button.
    "Move up {name}",
    "Move down {name}",
}


def languages() -> dict[str, dict[str, str]]:
    module = (ASSETS / "languages.js").as_uri()
    script = f"import({module!r}).then((m) => console.log(JSON.stringify(m.LANGUAGES)))"
    done = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True)
    found: dict[str, dict[str, str]] = json.loads(done.stdout)
    return found


LANGUAGES = languages()


def used() -> set[str]:
    found: set[str] = set()
    for name in TRANSLATED:
        text = (ASSETS / f"{name}.js").read_text(encoding="utf-8")
        found |= set(re.findall(r'\bt\("([^"]+)"', text))
        found |= set(re.findall(r'(?:mark = isLocked \? )"(\w+)"', text))
    return found


def test_languages__are_eight_including_english_and_a_right_to_left_one() -> None:
    assert set(LANGUAGES) == {"de", "fr", "es", "it", "nl", "pt", "ar"}


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_languages__each_has_exactly_the_texts_of_the_page(language: str) -> None:
    assert set(LANGUAGES[language]) == used() | INDIRECT


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_languages__each_text_has_the_placeholders_of_the_english_text(language: str) -> None:
    for english, text in LANGUAGES[language].items():
        assert text.strip(), english
        values = [sorted(re.findall(r"\{\w+\}", each)) for each in (english, text)]
        assert values[0] == values[1], english
