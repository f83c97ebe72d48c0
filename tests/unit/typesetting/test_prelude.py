"""The prelude's values: exact numbers, and formats by locale."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_currency, format_decimal, get_minus_sign_symbol
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from craftkit.typesetter import Job, SourceError
from typesetting import typeset

LOCALES = ["en", "de", "de-CH", "fr", "es", "pt", "pt-PT", "ja", "ar", "hi", "sv", "pl", "zh-TW"]
AMOUNTS = ["0", "0.05", "-0.4", "7.25", "999", "1000", "-1234.56", "98765432.1", "1234567890123.45"]
TYPES = {"value": "currency", "day": "date", "moment": "datetime"}

TextOf = Callable[..., str]


def as_cldr(babel: str, locale: Locale) -> str:
    """Babel leaves the pattern's own hyphen where the locale has a minus sign."""
    return babel.replace("-", get_minus_sign_symbol(locale))


class TestNumbers:
    @pytest.mark.parametrize("tag", LOCALES)
    def test_money__is_written_as_cldr_says(self, text_of: TextOf, tag: str) -> None:
        locale = Locale.parse(tag, sep="-")
        written = [
            text_of(
                'money(data.value, currency: "EUR")', {"value": amount}, types=TYPES, locale=tag
            )
            for amount in AMOUNTS
        ]
        assert written == [
            as_cldr(format_currency(Decimal(amount), "EUR", locale=locale), locale)
            for amount in AMOUNTS
        ]

    @pytest.mark.parametrize("tag", LOCALES)
    def test_number__is_written_as_cldr_says(self, text_of: TextOf, tag: str) -> None:
        locale = Locale.parse(tag, sep="-")
        for amount in AMOUNTS:
            written = text_of("number(data.value)", {"value": amount}, types=TYPES, locale=tag)
            assert written == as_cldr(format_decimal(Decimal(amount), locale=locale), locale)

    def test_money__uses_native_digits_of_the_territory(self, text_of: TextOf) -> None:
        written = text_of("number(1234.5)", locale="ar-EG")
        assert written == "١٬٢٣٤٫٥"

    @given(amount=st.decimals(-(10**15), 10**15, places=2))
    @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_money__keeps_every_digit(self, text_of: TextOf, amount: Decimal) -> None:
        value = f"{amount:f}"
        written = text_of('money(data.value, currency: "USD")', {"value": value}, types=TYPES)
        assert written == format_currency(amount, "USD", locale="en")

    def test_money__sums_in_the_template_are_exact(self, text_of: TextOf) -> None:
        data = {"items": [{"price": "0.10", "qty": "3"}, {"price": "99999999999.99", "qty": "1"}]}
        types = {"items.price": "currency", "items.qty": "number"}
        total = "data.items.map(item => item.price * item.qty).sum()"
        assert (
            text_of(f'money({total}, currency: "USD")', data, types=types) == "$100,000,000,000.29"
        )

    def test_money__half_a_cent_is_rounded_away_from_zero(self, text_of: TextOf) -> None:
        assert text_of('money(decimal("0.125"))') == "$0.13"
        assert text_of('money(decimal("-0.125"))') == "-$0.13"

    def test_money__an_amount_rounded_to_zero_has_no_sign(self, text_of: TextOf) -> None:
        assert text_of('money(decimal("-0.001"))') == "$0.00"

    def test_money__has_the_decimal_places_of_the_currency(self, text_of: TextOf) -> None:
        assert text_of('money(1234, currency: "JPY")', locale="ja") == "￥1,234"
        assert text_of('money(decimal("1.5"), currency: "KWD")') == "KWD\xa01.500"

    def test_money__a_float_is_refused(self, text_of: TextOf) -> None:
        assert "money does not take a float" in text_of("money(9.9)")

    @pytest.mark.parametrize(
        ("types", "data", "expected"),
        [
            ({}, {}, "$1.00"),
            ({"total": "currency:EUR"}, {}, "€1.00"),
            ({"total": "currency:EUR"}, {"currency": "GBP"}, "£1.00"),
            ({}, {"currency": "gibberish"}, "$1.00"),
        ],
    )
    def test_money__uses_the_currency_of_data_then_manifest_then_locale(
        self, text_of: TextOf, types: Any, data: Any, expected: str
    ) -> None:
        assert text_of("money(1)", data, types=types) == expected

    def test_number__digits_are_fixed_where_asked(self, text_of: TextOf) -> None:
        assert text_of("number(3, digits: 2)") == "3.00"
        assert text_of('number(decimal("2.5"), digits: 0)') == "3"

    def test_number__text_is_refused_with_its_type(self, text_of: TextOf) -> None:
        assert text_of('number("abc")') == "number takes a number, not a value of type string"

    def test_number__none_stays_none(self, text_of: TextOf) -> None:
        assert text_of("repr((number(none), money(none), day(none), qr(none), picture(none)))") == (
            "(none, none, none, none, none)"
        )


class TestDates:
    @pytest.mark.parametrize("tag", [tag for tag in LOCALES if tag != "zh-TW"])
    @pytest.mark.parametrize("style", ["short", "medium", "long", "full"])
    def test_day__is_written_as_cldr_says(self, text_of: TextOf, tag: str, style: Any) -> None:
        for day in (date(2026, 11, 24), date(2024, 2, 29), date(1999, 12, 1)):
            written = text_of(
                f'day(data.day, style: "{style}")', {"day": str(day)}, types=TYPES, locale=tag
            )
            assert written == format_date(day, style, locale=Locale.parse(tag, sep="-"))

    def test_day__shows_the_local_time_of_the_value(self, text_of: TextOf) -> None:
        data = {"moment": "2026-11-24T00:05:09+09:00"}
        written = text_of('day(data.moment, time: "short")', data, types=TYPES, locale="de")
        clock = format_time(datetime(2026, 11, 24, 0, 5, tzinfo=UTC), "short", locale="de")
        assert written == f"24.11.2026, {clock}"

    def test_day__is_a_datetime_to_the_template(self, text_of: TextOf) -> None:
        data = {"day": "2026-11-24"}
        assert text_of(
            '(data.day + duration(days: 14)).display("[day].[month]")', data, types=TYPES
        )
        assert text_of("str(data.day.weekday())", data, types=TYPES) == "2"


class TestData:
    def test_data__is_typed_inside_loops_of_loops(self, text_of: TextOf) -> None:
        data = {"orders": [{"lines": [{"qty": "2"}, {"qty": None}]}]}
        written = text_of(
            "repr(data.orders.first().lines)", data, types={"orders.lines.qty": "number"}
        )
        assert written == '((qty: decimal("2")), (qty: none))'

    def test_data__absent_values_are_none(self, text_of: TextOf) -> None:
        data = {"customer": {"email": None}, "items": []}
        assert text_of("repr((data.customer.email, data.items))", data) == "(none, ())"

    def test_data__typst_in_it_is_text(self, text_of: TextOf, job: Callable[..., Any]) -> None:
        hostile = '#panic("no") *bold* $x$ [a] <b> @c \\ // /* "#" = x\n- y'
        assert text_of("data.text", {"text": hostile}) == hostile
        typeset(job("#data.text #[#data.text] #eval(repr(data.text))", {"text": hostile}))

    @pytest.mark.parametrize(
        ("sent", "shown"),
        [("a\tb", "a b"), ("a\\tb", "a\\tb"), ("\\\t\t", "\\  "), ("a\nb", "a\nb")],
    )
    def test_data__a_tab_is_shown_as_a_space(self, text_of: TextOf, sent: str, shown: str) -> None:
        assert text_of("data.text", {"text": sent}) == shown


class TestDefaults:
    def test_frame__the_footer_is_optional(self, job: Callable[..., Any]) -> None:
        source = '#show: document-frame.with(footer: none, header: [Ours], paper: "a5")\nText'
        assert typeset(job(source)).page_count == 1

    def test_paper__is_letter_for_territories_that_use_it(
        self, text_of: TextOf, job: Callable[..., Any]
    ) -> None:
        assert b"/MediaBox[0 0 595.2" in typeset(job("Text", locale="en")).pdf
        assert b"/MediaBox[0 0 612 792]" in typeset(job("Text", locale="en-US")).pdf

    def test_locale__an_unknown_locale_falls_back(self, text_of: TextOf) -> None:
        assert text_of("number(1234.5)", locale="de-XX") == "1.234,5"
        assert text_of("number(1234.5)", locale="xx-YY") == "1,234.5"

    def test_unknown_function__is_the_authors_error(self, job: Callable[..., Any]) -> None:
        with pytest.raises(SourceError, match="unknown variable: monney"):
            typeset(job("#monney(1)"))


def measured(job: Callable[..., Job], content: str) -> str:
    """The height of content in a document."""
    with pytest.raises(SourceError) as stopped:
        typeset(job(f"#context panic(repr(measure({content}).height))"))
    return str(stopped.value)


@pytest.mark.parametrize("text", ["محمد علي", "नाम क्षत्रिय र्कि", "שלום", "日本語", "Åg"])
def test_line__has_the_same_baseline_in_every_script(job: Callable[..., Job], text: str) -> None:
    """What stands between a line's edges and its baseline is the same, so baselines meet."""
    assert measured(job, f"[{text}]") == measured(job, "[Hx]")


@pytest.mark.parametrize("cells", ["table", "grid"])
def test_cell__is_high_enough_for_tall_letters(job: Callable[..., Job], cells: str) -> None:
    of_one = f"{cells}(columns: 1, inset: 0pt)[{{}}]"
    assert [measured(job, of_one.format(text)) for text in ("محمد", "नाम", "Name")] == [
        "13.6pt",
        "13.6pt",
        "7.28pt",
    ]
