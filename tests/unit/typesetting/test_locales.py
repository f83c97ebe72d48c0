"""The locale file matches Babel."""

import pytest

from tools.locales import FILE, TAGS_FILE, lines, tags_file
from typesetting import locales


def test_locales__the_file_matches_babel() -> None:
    content = list(lines())
    assert FILE.read_text(encoding="utf-8") == "".join(content)
    assert TAGS_FILE.read_text(encoding="utf-8") == tags_file(content)


@pytest.mark.parametrize(
    ("tag", "currency"),
    [("de", "EUR"), ("de-CH", "CHF"), ("pt", "BRL"), ("ja", "JPY"), ("ar", "EGP"), ("xx", "USD")],
)
def test_locale__has_its_currency(tag: str, currency: str) -> None:
    assert locales.locale(tag).currency == currency


def test_locale__short_and_long_tags_are_equal() -> None:
    assert locales.locale("zh-TW").text == locales.locale("zh-Hant-TW").text
    assert locales.locale("sr-Latn-RS-x-private").text == locales.locale("sr-Latn-RS").text
    assert locales.locale("DE-ch").text == locales.locale("de-CH").text
    assert locales.locale("pt_PT").text == locales.locale("pt-PT").text
