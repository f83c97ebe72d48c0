"""The errors of templates that do not compile."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from craftkit.typesetter import Job, RenderTooLargeError, SourceError, TypesettingError
from typesetting import typeset

Make = Callable[..., Job]


def failure(job: Job) -> TypesettingError:
    with pytest.raises(TypesettingError) as stopped:
        typeset(job)
    return stopped.value


@pytest.mark.parametrize(
    ("source", "message", "line", "column"),
    [
        ("Äöü #strong(", "unclosed delimiter", 2, 12),
        ("\n\n  #nothing", "unknown variable: nothing", 4, 4),
        (
            '#let f(x) = money(x)\n\n#f("?")',
            "money takes a number, not a value of type string",
            2,
            13,
        ),
        ('#panic("The total is negative")', "The total is negative", 2, 2),
        ("#day(1)", "day takes a date, not a value of type integer", 2, 2),
        ("#let f(n) = f(n + 1)\n#f(0)", "maximum function call depth exceeded", 2, 13),
        ("#while true {}", "condition is always true", 2, 8),
        (
            '#import "@preview/cetz:0.3.0": canvas',
            "packages from outside cannot be imported: write what you need into the template",
            2,
            9,
        ),
        ('#read("/etc/passwd")', "file not found", 2, 7),
        ('#image("logo.png")', "file not found", 2, 8),
        ('#plugin("/x.wasm")', "file not found", 2, 9),
        (
            '#read("../../../etc/passwd")',
            'path `"../../../etc/passwd"` would escape the project root',
            2,
            7,
        ),
        (
            '#barcode("x", format: "ean13")',
            "barcode: the value does not fit the format ean13",
            2,
            2,
        ),
        (
            '#picture("http://a/b.png")',
            "picture takes the value of an image variable of the manifest",
            2,
            2,
        ),
    ],
)
def test_error__has_the_mistake_and_its_line(
    job: Make, source: str, message: str, line: int, column: int
) -> None:
    error = failure(job(source))
    assert isinstance(error, SourceError)
    assert (str(error), error.line, error.column) == (message, line, column)


def test_error__hints_of_typst_are_in_the_message(job: Make) -> None:
    error = failure(job("#let x-y = 1\n#(xy)"))
    assert str(error).startswith("unknown variable: xy")


def test_error__no_message_has_a_path_of_the_machine(job: Make) -> None:
    for source in ('#read("/a")', '#import "/a.typ"', '#image("/a.svg")', '#csv("a.csv")'):
        message = str(failure(job(source)))
        assert "/tmp" not in message
        assert "searched" not in message


def test_error__a_long_message_is_truncated(job: Make) -> None:
    message = str(failure(job('#panic("a" * 900000)')))
    assert message == "a" * 1000 + "…"


@pytest.mark.parametrize("name", ["data", "money", "document-frame"])
def test_error__a_name_of_the_prelude_without_its_import_has_a_hint(job: Make, name: str) -> None:
    asked = replace(job(""), source=f"#{name}")
    assert str(failure(asked)) == (
        f'unknown variable: {name} (begin the template with #import "/craftkit.typ": *)'
    )


@pytest.mark.parametrize("operator", ["*", "+", "-", "/", "<"])
def test_error__a_decimal_with_a_float_has_a_hint(job: Make, operator: str) -> None:
    data, types = {"total": "9.90"}, {"total": "currency"}
    for source in (f"#(data.total {operator} 0.19)", f"#(0.19 {operator} data.total)"):
        assert 'write the constant as decimal("0.19")' in str(
            failure(job(source, data, types=types))
        )


def test_error__names_no_path_of_this_machine(job: Make) -> None:
    for source in (
        '#image("/no.png")',
        '#json("/craftkit")',
        '#read("/etc/passwd")',
        '#plugin("/x")',
    ):
        message = str(failure(job(source)))
        assert "/tmp" not in message
        assert "craftkit-" not in message


def test_error__pages_over_the_limit_are_too_large(job: Make) -> None:
    error = failure(job("#for n in range(500) { pagebreak() }"))
    assert isinstance(error, RenderTooLargeError)
    assert str(error) == "The document has 501 pages; the maximum is 500."


def test_warning__unknown_fonts_are_named_with_their_line(job: Make) -> None:
    warnings = typeset(job('#set text(font: "Comic Sans")\nText')).warnings
    assert warnings == ("line 2: unknown font family: comic sans",)


def test_warning__fifty_are_listed_and_the_others_counted(job: Make) -> None:
    source = '#for n in range(10000) { text(font: "F" + str(n), "a") }'
    warnings = typeset(job(source)).warnings
    assert len(warnings) == 51
    assert warnings[-1] == "9950 more warnings"
