import math
from typing import Any

import pytest

from craftkit.errors import InvalidInputDataError
from craftkit.templates import data
from craftkit.templates.models import Manifest, read_manifest
from tests.unit.templates.manifests import invoice, nested, one

GOOD: dict[str, Any] = {
    "customer": {"name": "Ada"},
    "items": [{"name": "Pen", "qty": 2, "price": "1.10"}],
    "total": 2.2,
}


def _issues_of(manifest: Manifest, value: object) -> dict[str, list[str]]:
    with pytest.raises(InvalidInputDataError) as refusal:
        data.validate_data(manifest, value)
    assert refusal.value.issues is not None
    return refusal.value.issues.field_errors


def _validated(value: object, data_type: str, **more: Any) -> object:
    return data.validate_data(one(data_type, **more), {"value": value})["value"]


def _refused(value: object, data_type: str, **more: Any) -> list[str]:
    return _issues_of(one(data_type, **more), {"value": value})["value"]


def test_validate_data__coerces_fills_and_drops() -> None:
    validated = data.validate_data(invoice(), {**GOOD, "colour": "red", "__proto__": {"a": 1}})
    assert validated == {
        "number": None,
        "customer": {"name": "Ada"},
        "items": [{"name": "Pen", "qty": "2", "price": "1.10"}],
        "total": "2.2",
    }


def test_validate_data__a_missing_value_has_its_full_path() -> None:
    assert _issues_of(invoice(), {}) == {
        "customer.name": ["Required"],
        "total": ["Required"],
        "items": ["Required"],
    }
    assert _issues_of(invoice(), {**GOOD, "customer": None}) == {"customer.name": ["Required"]}
    assert _issues_of(invoice(), {**GOOD, "total": None}) == {"total": ["Required"]}


def test_validate_data__the_path_of_an_item_contains_its_index() -> None:
    items = [GOOD["items"][0]] * 3 + [{"name": "Pen", "qty": "many", "price": 1}]
    assert _issues_of(invoice(), {**GOOD, "items": items}) == {"items.3.qty": ["Must be a number"]}


def test_validate_data__wrong_types_are_named() -> None:
    assert _issues_of(invoice(), {**GOOD, "customer": "Ada"}) == {"customer": ["Must be an object"]}
    assert _issues_of(invoice(), {**GOOD, "items": {}}) == {"items": ["Must be a list"]}
    assert _issues_of(invoice(), {**GOOD, "items": [None]}) == {"items.0": ["Must be an object"]}


@pytest.mark.parametrize("value", [None, [], "text", 3])
def test_validate_data__data_that_is_no_object_is_refused(value: object) -> None:
    with pytest.raises(InvalidInputDataError) as refusal:
        data.validate_data(invoice(), value)
    assert refusal.value.issues is not None
    assert refusal.value.issues.form_errors == ["Must be an object"]


def test_validate_data__nested_loops_keep_both_indexes() -> None:
    order = {"number": "1", "lines": [{"qty": 1}, {"qty": "x"}]}
    assert _issues_of(nested(), {"orders": [{"number": "0", "lines": []}, order]}) == {
        "orders.1.lines.1.qty": ["Must be a number"]
    }


def test_validate_data__a_loop_of_ten_thousand_is_accepted_and_one_more_refused() -> None:
    manifest = read_manifest(
        {
            "loops": [
                {
                    "key": "rows",
                    "label": "Rows",
                    "itemFields": [{"key": "a", "label": "A", "dataType": "text"}],
                }
            ]
        }
    )
    assert len(data.validate_data(manifest, {"rows": [{}] * 10_000})["rows"]) == 10_000
    assert _issues_of(manifest, {"rows": [{}] * 10_001}) == {"rows": ["At most 10,000 items"]}


def test_validate_data__optional_loop_is_an_empty_list_when_absent() -> None:
    loop = {
        "key": "rows",
        "label": "Rows",
        "required": False,
        "itemFields": [{"key": "a", "label": "A", "dataType": "text"}],
    }
    manifest = read_manifest({"loops": [loop]})
    assert (
        data.validate_data(manifest, {})
        == data.validate_data(manifest, {"rows": None})
        == {"rows": []}
    )


def test_validate_data__twenty_images_are_accepted_and_one_more_is_named() -> None:
    def order(count: int) -> dict[str, Any]:
        photos = [{"qty": 1, "article": {"photo": f"https://x.dev/{n}.png"}} for n in range(count)]
        return {"orders": [{"number": "1", "lines": photos + photos}]}

    validated = data.validate_data(nested(), order(20))
    assert len(data.image_values(nested(), validated)) == 40
    assert list(_issues_of(nested(), order(21))) == ["orders.0.lines.20.article.photo"]


def test_validate_data__many_issues_are_cut_and_counted() -> None:
    with pytest.raises(InvalidInputDataError) as refusal:
        data.validate_data(invoice(), {**GOOD, "items": [{}] * 1_000})
    assert refusal.value.issues is not None
    assert len(refusal.value.issues.field_errors) == 100
    assert refusal.value.issues.form_errors == ["2900 more issues like these"]


def test_validate_data__of_much_data_the_first_invalid_item_of_each_list_is_named() -> None:
    """Each error takes memory: 900 KB of data had 1.5 million errors and took 1.4 GB."""
    with pytest.raises(InvalidInputDataError) as refusal:
        data.validate_data(nested(), {"orders": [{"number": "1", "lines": [{}] * 10_000}] * 30})
    assert refusal.value.issues is not None
    assert {path.rpartition(".")[0] for path in refusal.value.issues.field_errors} <= {
        "orders.0.lines.0",
        "orders.0.lines.0.article",
    }
    assert refusal.value.issues.form_errors == [
        "The data is large: only the first issue of each list is reported"
    ]


def test_validate_data__messages_do_not_contain_values() -> None:
    secret = "s3cr3t-value"
    for data_type in ("number", "date", "datetime", "boolean", "image", "url", "email"):
        assert secret not in str(_refused(secret, data_type))
    assert secret not in str(_refused([secret], "text"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, "3"),
        (3.0, "3"),
        (0.1, "0.1"),
        (1e-7, "0.0000001"),
        (0.1 + 0.2, "0.3"),
        ("10.00", "10.00"),
        ("-5", "-5"),
        ("007", "7"),
        (-0.0, "0"),
        ("-0", "0"),
        ("999999999999.999999999999", "999999999999.999999999999"),
        (1e-30, "0"),
        (12345678.9, "12345678.9"),
    ],
)
def test_number__is_an_exact_decimal_string(value: object, expected: str) -> None:
    assert _validated(value, "number") == _validated(value, "currency") == expected


def test_currency__takes_three_digits_more_than_a_number() -> None:
    assert _validated(999_999_999_999_999, "currency") == "999999999999999"
    assert _refused(1_000_000_000_000, "number")


@pytest.mark.parametrize(
    "value",
    [
        *(True, [], {}, "", " 1", "1,5", "1e3", "0x1", "١", "1\n", "NaN", "1" * 16),
        *(math.nan, math.inf, -math.inf, 1e15, pytest.param(10**400, id="huge"), -(10**15)),
    ],
)
def test_number__other_values_are_refused(value: object) -> None:
    assert _refused(value, "number")


@pytest.mark.parametrize(("value", "expected"), [(True, True), ("false", False), ("TRUE", True)])
def test_boolean__strings_are_coerced(value: object, expected: bool) -> None:
    assert _validated(value, "boolean") is expected


@pytest.mark.parametrize("value", [1, 0, "yes", "", "true ", []])
def test_boolean__other_values_are_refused(value: object) -> None:
    assert _refused(value, "boolean") == ["Must be true or false"]


def test_text__printable_characters_are_kept_and_control_characters_removed() -> None:
    assert _validated("#panic() $x$ *b* \\ ünï 東京", "text") == "#panic() $x$ *b* \\ ünï 東京"
    assert _validated("a\r\nb\rc\td\x00\x1b[0m", "longtext") == "a\nb\nc\td[0m"


@pytest.mark.parametrize(("value", "text"), [(1042, "1042"), (-3, "-3"), (42.0, "42")])
def test_text__accepts_a_whole_number(value: object, text: str) -> None:
    assert _validated(value, "text") == text


@pytest.mark.parametrize("value", [1.5, True, ["a"], {"a": "b"}, "\ud800"])
def test_text__other_values_are_refused(value: object) -> None:
    assert _refused(value, "text")


@pytest.mark.parametrize("value", ["2026-02-30", "2026-2-3", "20260203", "03.02.2026", 20260203])
def test_date__other_values_are_refused(value: object) -> None:
    assert _refused(value, "date") == ["Must be a date, as YYYY-MM-DD"]


def test_date__and_time_are_kept() -> None:
    assert _validated("2024-02-29", "date") == "2024-02-29"
    for moment in ("2026-11-24T10:30:00Z", "2026-11-24T10:30:00.123456789+05:30"):
        assert _validated(moment, "datetime") == moment


@pytest.mark.parametrize(
    "value", ["2026-11-24", "2026-11-24T10:30:00", "2026-11-24T25:00:00Z", "2026-13-24T10:30:00Z"]
)
def test_datetime__other_values_are_refused(value: str) -> None:
    assert _refused(value, "datetime")


@pytest.mark.parametrize("value", ["a@b.de", "first.last+tag@mail.example.com", "müller@bücher.de"])
def test_email__valid_addresses_are_accepted(value: str) -> None:
    assert _validated(value, "email") == value


@pytest.mark.parametrize(
    "value",
    ["a", "a@b", "a@@b.de", "a b@c.de", "<a@b.de>", "a@b.de\n", "a@b..de", "a" * 250 + "@b.de"],
)
def test_email__invalid_addresses_are_refused(value: str) -> None:
    assert _refused(value, "email") == ["Must be an email address"]


@pytest.mark.parametrize("value", ["https://a.de", "HTTP://a.de:8080/ü?q=%20#x", "http://[::1]/"])
def test_url__valid_urls_are_accepted(value: str) -> None:
    assert _validated(value, "url") == value


@pytest.mark.parametrize(
    "value",
    [
        *("javascript:alert(1)", "ftp://a.de", "//a.de", "a.de", "https://", "https://u:p@a.de/"),
        *("https://a.de/ b", 'https://a.de/"', "https://a.de\n", "file:///etc/passwd"),
        "https://a.de/" + "a" * 2048,
    ],
)
def test_url__invalid_urls_are_refused(value: str) -> None:
    assert _refused(value, "url") == ["Must be an http(s) URL"]


def test_image__accepts_only_urls_and_data_uris() -> None:
    for good in ("https://a.de/x.png", "data:image/png;base64,iVBORw0KGgo="):
        assert _validated(good, "image") == good
    for bad in ("data:text/html;base64,PGI+", "data:image/png,abc", "x.png", "file:///x.png"):
        assert _refused(bad, "image")


def test_ean__check_digit_is_completed_and_checked() -> None:
    assert _validated("4006381333931", "barcode", format="ean13") == "4006381333931"
    assert _validated("400638133393", "barcode", format="ean13") == "4006381333931"
    assert _validated("9638507", "barcode", format="ean8") == "96385074"
    assert _validated("03600029145", "barcode", format="upca") == "036000291452"
    assert "check digit" in _refused("4006381333930", "barcode", format="ean13")[0]
    for bad in ("40063813339", "400638133393a", 4006381333931, "٤006381333931"):
        assert _refused(bad, "barcode", format="ean13")


def test_code__the_length_is_limited_by_the_symbology() -> None:
    assert _validated("x" * 2300, "qr", format="qr")
    assert _refused("x" * 2301, "qr", format="qr")
    assert _refused("", "qr", format="qr")
    assert _validated("日" * 570, "qr", format="qr")
    assert _refused("日" * 571, "qr", format="qr")
    assert _refused("naïve", "barcode", format="code128")
    assert _refused("123", "barcode", format="itf")


def test_types__name_loops_and_formats() -> None:
    assert data.types(nested()) == {
        "orders": "loop",
        "orders.number": "text",
        "orders.lines": "loop",
        "orders.lines.qty": "number",
        "orders.lines.article.photo": "image",
    }
    assert data.types(one("barcode", format="ean13")) == {"value": "barcode:ean13"}


def test_image_values__are_found_by_path_with_index() -> None:
    url = "https://a.de/x.png"
    lines = [{"qty": 1}, {"qty": 2, "article": {"photo": url}}]
    validated = data.validate_data(nested(), {"orders": [{"number": "1", "lines": lines}]})
    assert data.image_values(nested(), validated) == {"orders.0.lines.1.article.photo": url}


def test_preview__examples_complete_the_authors_data() -> None:
    manifest = read_manifest(
        {
            "variables": [
                {"key": "a.b", "label": "B", "dataType": "text", "previewData": "mine"},
                {"key": "a.c", "label": "C", "dataType": "text"},
            ],
            "loops": [
                {
                    "key": "rows",
                    "label": "Rows",
                    "itemFields": [{"key": "n", "label": "N", "dataType": "number"}],
                    "previewData": [{"n": 7}],
                }
            ],
        }
    )
    assert data.preview_data(manifest) == {"a": {"b": "mine", "c": "C"}, "rows": [{"n": 7}]}


def test_validate_data__keys_such_as_proto_are_ordinary_keys() -> None:
    keys = ("__proto__", "constructor", "__class__", "model_config", "copy", "keys", "_x", "for")
    manifest = read_manifest(
        {"variables": [{"key": key, "label": key, "dataType": "text"} for key in keys]}
    )
    assert data.validate_data(manifest, dict.fromkeys(keys, "x")) == dict.fromkeys(keys, "x")


@pytest.mark.parametrize("blank", ["", "  ", "\n\t", "\x00", "\u3000"])
def test_text__a_blank_value_counts_as_absent(blank: str) -> None:
    assert _refused(blank, "text") == _refused(blank, "longtext") == ["Required"]
    assert _validated(blank, "text", required=False) is None
