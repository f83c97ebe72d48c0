"""`craftkit templates test`: bugs in templates that look correct with their preview data."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image

from craftkit.templates import gallery
from craftkit.templates.models import read_manifest
from craftkit_cli import main as cli
from craftkit_cli.authoring.checks import Checker, Result
from craftkit_cli.authoring.folder import CheckSettings, Settings, Template, read_template
from craftkit_cli.authoring.generated import data_sets

SETS = 40

MANIFEST: dict[str, Any] = {
    "variables": [
        {"key": "customer.name", "label": "Customer", "dataType": "text", "required": True},
        {"key": "customer.address", "label": "Address", "dataType": "longtext"},
        {"key": "reference", "label": "Reference", "dataType": "text"},
        {"key": "due", "label": "Due", "dataType": "date"},
        {"key": "discount", "label": "Discount", "dataType": "currency", "format": "EUR"},
        {"key": "total", "label": "Total", "dataType": "currency", "required": True},
        {"key": "paid", "label": "Paid", "dataType": "boolean"},
        {"key": "notes", "label": "Notes", "dataType": "longtext"},
    ],
    "loops": [
        {
            "key": "items",
            "label": "Items",
            "itemFields": [
                {"key": "name", "label": "Item", "dataType": "text", "required": True},
                {"key": "details", "label": "Details", "dataType": "text"},
                {"key": "qty", "label": "Quantity", "dataType": "number", "required": True},
                {"key": "price", "label": "Price", "dataType": "currency", "required": True},
            ],
        }
    ],
}

PREVIEW: dict[str, Any] = {
    "customer": {"name": "Ada Lovelace", "address": "12 Field Lane\nLondon"},
    "reference": "PO 1",
    "due": "2026-12-24",
    "discount": "5.00",
    "total": "95.00",
    "paid": True,
    "notes": "Thank you.",
    "items": [
        {"name": "Pen", "details": "Blue", "qty": 2, "price": "20.00"},
        {"name": "Ink", "details": "Black", "qty": 3, "price": "20.00"},
    ],
}

SOURCE = """\
#import "/craftkit.typ": *
#set page(margin: 2cm, footer: none)
= Invoice
#data.customer.name

#data.customer.address

#if data.reference != none [Reference: #data.reference]

#if data.due != none [Due: #day(data.due)]

#table(
  columns: (1fr, auto, auto),
  align: (start, end, end),
  table.header[Item][Quantity][Price],
  ..data.items.map(item => (
    item.name + if item.details != none { " – " + item.details },
    number(item.qty),
    money(item.price),
  )).flatten(),
)

#if data.discount != none [Discount: #money(-data.discount)]

Total: #money(data.total)

#if data.paid == true [Paid.]

#data.notes
"""

NAME = "#data.customer.name\n"
REFERENCE = "#if data.reference != none [Reference: #data.reference]"
TOTAL = "Total: #money(data.total)"
NOTES = "#data.notes"
ITEMS = "..data.items.map("

BUGS: dict[str, tuple[str, str]] = {
    "length of an absent text": (REFERENCE, "#if data.reference.len() > 0 [#data.reference]"),
    "arithmetic with an absent amount": (TOTAL, "Total: #money(data.total + data.discount * 0)"),
    "date of an absent field": (
        "#if data.due != none [Due: #day(data.due)]",
        "Due: #day(data.due) #data.due.year()",
    ),
    "absence printed as a word": (REFERENCE, "Reference: #repr(data.reference)"),
    "first item of an empty loop": (TOTAL, f"{TOTAL} (first: #data.items.first().name)"),
    "division by the number of items": (TOTAL, f"{TOTAL} #(100 / data.items.len())"),
    "only the first ten items": (
        ITEMS,
        "..data.items.slice(0, calc.min(10, data.items.len())).map(",
    ),
    "items in a box of fixed height": ("#table(", "#block(height: 12cm, breakable: false)[#table("),
    "total at a fixed place": (TOTAL, f"#place(top + left, dx: 0.5cm, dy: 11cm)[{TOTAL}]"),
    "label at a fixed distance": (NAME, "#place(dx: 4cm)[Customer]#data.customer.name\n"),
    "text cut after thirty letters": (
        NOTES,
        "#data.notes.clusters().slice(0, calc.min(30, data.notes.clusters().len())).join()",
    ),
    "letters counted as bytes": (NAME, "#data.customer.name #data.customer.name.slice(0, 1)\n"),
    "font without other scripts": (
        "#set page(",
        '#set text(font: "Inter", fallback: false)\n#set page(',
    ),
    "division by an amount": (
        TOTAL,
        f"{TOTAL} #number(data.total / data.items.map(i => i.qty).sum(default: decimal(1)))",
    ),
    "data read as markup": (NOTES, '#if data.notes != none { eval(data.notes, mode: "markup") }'),
    "field inside of another's condition": (
        "#if data.discount != none [Discount: #money(-data.discount)]",
        "#if data.discount != none [Discount: #money(-data.discount) #data.reference]",
    ),
    "variable of one branch": (
        "#if data.paid == true [Paid.]",
        "#let words = if data.paid { (mark: [Paid.]) } else { (:) }\n#words.mark",
    ),
    "items known by their name": (ITEMS, "..data.items.filter(item => item.details != none).map("),
}


def template(source: str, **settings: Any) -> Template:
    made = Settings(
        slug="invoice",
        name="Invoice",
        test=CheckSettings(longest={"items.details": 20}, **settings),
    )
    return Template(Path("none"), made, read_manifest(MANIFEST), source, {"data": PREVIEW})


def failed(results: list[Result]) -> list[str]:
    return [
        f"{result.data_set.name}: {failure.check}: {failure.message}"
        for result in results
        for failure in result.failures
    ]


def run(made: Template, count: int = SETS) -> list[str]:
    return failed(list(Checker(made).run(count)))


def with_bug(name: str) -> str:
    right, wrong = BUGS[name]
    assert SOURCE.count(right) == 1
    source = SOURCE.replace(right, wrong)
    if name == "field inside of another's condition":
        source = source.replace(REFERENCE, "")
    if name == "items in a box of fixed height":
        source = source.replace("  )).flatten(),\n)", "  )).flatten(),\n)]")
    return source


def test_test__a_correct_template_has_no_failure() -> None:
    assert run(template(SOURCE)) == []


def test_test__there_are_at_least_fifteen_seeded_bugs() -> None:
    assert len(BUGS) >= 15


@pytest.mark.parametrize("name", BUGS)
def test_test__finds_a_bug_that_the_preview_data_misses(name: str) -> None:
    made = template(with_bug(name))
    assert run(made, 0) == []
    assert run(made) != []


def test_test__a_field_that_the_source_never_uses_is_named() -> None:
    found = run(template(SOURCE.replace(NOTES, "")), 1)
    assert found == ["everything: unused: The source never uses notes. Print it, or remove it."]


def test_test__a_data_set_that_does_not_fit_the_manifest_names_the_field() -> None:
    made = template(SOURCE)
    wrong = Template(made.folder, made.settings, made.manifest, made.source, {"late": {"total": 1}})
    assert "late: data: customer.name: Required" in run(wrong, 0)


def test_data_sets__are_equal_for_equal_seeds_and_have_unique_names() -> None:
    manifest = read_manifest(MANIFEST)
    first, again, other = (
        data_sets(manifest, 200, longest={}, most_items={}, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other
    assert len({each.name for each in first}) == 200


@pytest.mark.parametrize("slug", gallery.SLUGS)
def test_gallery__passes_its_test(
    slug: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / slug
    assert cli.main(["templates", "new", str(folder), "--from", slug]) == 0
    code = cli.main(["templates", "test", str(folder), "--sets", "60"])
    assert code == 0, capsys.readouterr().out


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "invoice"
    made.mkdir()
    (made / "manifest.json").write_text(json.dumps(MANIFEST))
    (made / "source.typ").write_text(SOURCE)
    (made / "data.json").write_text(json.dumps(PREVIEW))
    (made / "data").mkdir()
    (made / "data" / "unpaid.json").write_text(json.dumps(PREVIEW | {"paid": False}))
    return made


def test_command__writes_junit_and_the_data_of_failures_and_exits_with_1(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = SOURCE.replace(TOTAL, f"{TOTAL} #data.items.first().name")
    (folder / "source.typ").write_text(source)
    report, output = tmp_path / "report.xml", tmp_path / "output"
    words = ["templates", "test", str(folder), "--sets", "5"]
    code = cli.main([*words, "--junit", str(report), "--output", str(output)])
    answer = json.loads(capsys.readouterr().out)
    assert (code, answer["dataSets"]) == (1, 7)
    assert [each["dataSet"] for each in answer["failures"]] == [
        "required fields only",
        "items empty",
    ]
    suite = ElementTree.parse(report).getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("7", "2")
    assert "line" in str(suite.find("testcase/failure").get("message"))
    kept = json.loads((output / "items-empty.json").read_text())
    assert kept["items"] == []


def test_command__pages_are_compared_with_the_expected_pages(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["templates", "test", str(folder), "--sets", "0"]
    assert cli.main([*words, "--update"]) == 0
    assert (folder / "pages" / "data" / "1.png").exists()
    assert cli.main(words) == 0
    capsys.readouterr()
    (folder / "source.typ").write_text(SOURCE.replace("= Invoice", "= A bill"))
    assert cli.main([*words, "--output", str(tmp_path / "output")]) == 1
    found = json.loads(capsys.readouterr().out)["failures"]
    assert [each["dataSet"] for each in found] == ["data", "unpaid"]
    assert "Page 1 differs" in found[0]["failures"][0]["message"]
    with Image.open(tmp_path / "output" / "data-1-diff.png") as difference:
        assert difference.getbbox() is not None


def test_folder__an_error_names_the_file_and_the_value(folder: Path) -> None:
    (folder / "template.json").write_text('{"slug": "In voice", "name": "Invoice"}')
    code, envelope = refused(folder)
    assert code == 1
    assert str(folder / "template.json") in envelope["message"]
    assert "slug" in envelope["issues"]["fieldErrors"]


def test_folder__images_are_read_only_from_the_folder(folder: Path) -> None:
    manifest = {"variables": [{"key": "logo", "label": "Logo", "dataType": "image"}]}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "images").mkdir()
    Image.new("RGB", (4, 4), "red").save(folder / "images" / "logo.png")
    made = read_template(folder)
    sent = made.with_images({"logo": "images/logo.png"})
    assert sent["logo"].startswith("data:image/png;base64,iVBOR")
    (folder / "data.json").write_text('{"logo": "images/../../secret.png"}')
    _, envelope = refused(folder)
    assert "outside of the folder images/" in envelope["message"]


def refused(folder: Path) -> tuple[int, dict[str, Any]]:
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors):
        code = cli.main(["templates", "test", str(folder), "--sets", "0"])
    return code, json.loads(errors.getvalue())["error"]
