import pytest

from craftkit.errors import InvalidRequestError
from craftkit.templates.models import is_slug, read_manifest, require_publishable
from tests.unit.templates.manifests import INVOICE, NESTED


def _field(key: str, data_type: str = "text", **more: object) -> dict[str, object]:
    return {"key": key, "label": key, "dataType": data_type, **more}


def _issues_of(manifest: object) -> dict[str, list[str]]:
    with pytest.raises(InvalidRequestError) as refusal:
        read_manifest(manifest)
    assert refusal.value.issues is not None
    return refusal.value.issues.field_errors | {"": refusal.value.issues.form_errors}


def test_manifest__round_trips_through_its_canonical_form() -> None:
    for manifest in map(read_manifest, (INVOICE, NESTED)):
        assert type(manifest).model_validate_json(manifest.canonical) == manifest
        assert read_manifest(manifest.as_json()) == manifest


def test_manifest__loop_key_with_a_dot_is_refused() -> None:
    loop = {"key": "order.items", "label": "Items", "itemFields": [_field("name")]}
    assert "loops.0.key" in _issues_of({"loops": [loop]})


def test_manifest__two_equal_keys_are_refused_and_named() -> None:
    issues = _issues_of({"variables": [_field("total"), _field("total")]})
    assert issues["variables.1.key"] == ["The key total is repeated"]


def test_manifest__loop_and_variable_of_one_name_are_refused() -> None:
    loop = {"key": "items", "label": "Items", "itemFields": [_field("name")]}
    assert _issues_of({"variables": [_field("items")], "loops": [loop]})["loops.0.key"]
    assert _issues_of({"variables": [_field("items.count")], "loops": [loop]})["variables.0.key"]


def test_manifest__key_beneath_a_value_is_refused() -> None:
    issues = _issues_of({"variables": [_field("customer.name"), _field("customer")]})
    assert issues["variables.0.key"] == [
        "The key customer is a value, so customer.name cannot be inside it"
    ]


def test_manifest__equal_keys_of_an_item_are_refused_with_their_path() -> None:
    loop = {"key": "items", "label": "Items", "itemFields": [_field("name"), _field("name")]}
    assert _issues_of({"loops": [loop]})["loops.0.itemFields.1.key"] == ["The key name is repeated"]


def test_manifest__unknown_type_is_refused_by_its_own_path() -> None:
    assert "variables.0.dataType" in _issues_of({"variables": [_field("a", "colour")]})
    loop = {"key": "items", "label": "Items", "itemFields": [_field("a"), _field("b", "colour")]}
    assert "loops.0.itemFields.1.dataType" in _issues_of({"loops": [loop]})


def test_manifest__unknown_property_and_missing_label_are_refused() -> None:
    issues = _issues_of({"variables": [{"key": "a", "dataType": "text", "colour": "red"}]})
    assert issues["variables.0.label"] == ["Required"]
    assert "variables.0.colour" in issues


@pytest.mark.parametrize("key", ["", "1st", "a..b", ".a", "a.", "a b", "a.1", "ключ", "a" * 65])
def test_manifest__an_invalid_key_is_refused(key: str) -> None:
    assert "variables.0.key" in _issues_of({"variables": [_field(key)]})


@pytest.mark.parametrize(
    ("data_type", "format_"),
    [
        ("qr", None),
        ("qr", "ean13"),
        ("barcode", None),
        ("barcode", "maxicode"),
        ("currency", "euro"),
        ("date", "dd.mm.yyyy"),
        ("text", "bold"),
    ],
)
def test_manifest__a_format_of_another_type_is_refused(data_type: str, format_: str | None) -> None:
    issues = _issues_of({"variables": [_field("a", data_type, format=format_)]})
    assert "variables.0.format" in issues


@pytest.mark.parametrize(
    ("data_type", "format_"),
    [("qr", "qr"), ("barcode", "ean13"), ("barcode", "datamatrix"), ("currency", "EUR")],
)
def test_manifest__a_format_of_its_type_is_kept(data_type: str, format_: str) -> None:
    manifest = read_manifest({"variables": [_field("a", data_type, format=format_)]})
    assert manifest.variables[0].format == format_


def test_manifest__more_than_three_nested_loops_are_refused() -> None:
    inner: dict[str, object] = {"key": "c", "label": "c", "itemFields": [_field("x")]}
    middle = {"key": "b", "label": "b", "itemFields": [inner]}
    outer = {"key": "a", "label": "a", "itemFields": [middle]}
    assert read_manifest({"loops": [outer]}).loops[0].loops[0].loops[0].key == "c"
    too_deep = {"key": "z", "label": "z", "itemFields": [outer]}
    deepest = "loops.0.itemFields.0.itemFields.0.itemFields.0"
    assert _issues_of({"loops": [too_deep]})[deepest] == [
        "Loops can be nested at most 3 levels deep"
    ]


def test_manifest__all_errors_are_reported_at_once() -> None:
    issues = _issues_of(
        {
            "variables": [
                {"key": "1st", "dataType": "colour"},
                {"key": "total", "label": "Total", "dataType": "currency", "format": "euro"},
                {"key": "total", "label": "Total", "dataType": "qr"},
            ],
            "loops": [
                {"key": "a.b", "label": "A", "itemFields": [{"key": "x", "dataType": "text"}]},
                {"key": "c", "label": "C", "itemFields": []},
            ],
            "colour": "red",
        }
    )
    assert set(issues) == {
        "",
        "variables.0.key",
        "variables.0.label",
        "variables.0.dataType",
        "variables.1.format",
        "variables.2.key",
        "variables.2.format",
        "loops.0.key",
        "loops.0.itemFields.0.label",
        "loops.1.itemFields",
        "colour",
    }


def test_manifest__the_number_of_reported_errors_is_limited() -> None:
    flood = {"variables": [{f"a{n}": 1 for n in range(50)} for _ in range(300)]}
    issues = _issues_of(flood)
    assert sum(map(len, issues.values())) <= 202
    with pytest.raises(InvalidRequestError, match="larger than 100 KiB"):
        read_manifest({"variables": [{"a": "x" * 300_000}]})


@pytest.mark.parametrize(
    "locale", ["en", "de-CH", "zh-Hant-TW", "es-419", "DE-ch", "ca-ES-valencia"]
)
def test_publishable__a_cldr_locale_is_accepted(locale: str) -> None:
    require_publishable("a", "A", "1.7", locale)


@pytest.mark.parametrize(
    ("locale", "fault"),
    [
        ("xx-YY", "xx is not a language that CLDR has data for"),
        ("de-XX", "XX is not a territory"),
        ("de-Abcd", "Abcd is not a script"),
        ("english please", "Must be a BCP 47 tag"),
        ("de_DE", "Must be a BCP 47 tag"),
    ],
)
def test_publishable__an_unknown_locale_is_refused(locale: str, fault: str) -> None:
    with pytest.raises(InvalidRequestError) as refusal:
        require_publishable("a", "A", "1.7", locale)
    assert refusal.value.issues is not None
    assert refusal.value.issues.field_errors["locale"][0].startswith(fault)


def test_manifest__other_types_than_objects_are_refused() -> None:
    for value in (None, [], "manifest", 3):
        _issues_of(value)


def test_manifest__errors_do_not_contain_the_value() -> None:
    secret = "s3cr3t value"
    with pytest.raises(InvalidRequestError) as refusal:
        read_manifest({"variables": [_field(secret, secret), secret], "loops": secret})
    assert secret not in str(refusal.value.as_json("request"))


@pytest.mark.parametrize("slug", ["a", "invoice", "2026-invoice", "a" * 120])
def test_slug__valid_slugs_are_accepted(slug: str) -> None:
    assert is_slug(slug)


@pytest.mark.parametrize("slug", ["", "-a", "A", "a_b", "a/b", "a\n", "é", "a" * 121, "a#1"])
def test_slug__invalid_slugs_are_refused(slug: str) -> None:
    assert not is_slug(slug)


def test_publishable__all_errors_are_reported_together() -> None:
    with pytest.raises(InvalidRequestError) as refusal:
        require_publishable("Not A Slug", " ", "a-4", "english please")
    assert refusal.value.issues is not None
    assert set(refusal.value.issues.field_errors) == {"slug", "name", "pdfStandard", "locale"}
