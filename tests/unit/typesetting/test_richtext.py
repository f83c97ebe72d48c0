"""Rich text of the data: content on the page, tagged, and never source."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from pikepdf import Pdf

from craftkit.typesetter import Document, Job
from testkit.pdf import text_of
from testkit.richtext import check_tree, hostile_texts
from tests.attack.richtext import typeset_texts
from tests.unit.typesetting.test_documents import roles
from typesetting import typeset

Make = Callable[..., Job]

MARKDOWN = """\
# Terms

Pay within *14 days* to **us**, see [terms](https://example.com/terms).

### A level that was skipped

- one
- two
  - inner

1. first

> quoted

| Item | Price |
|------|------:|
| Pen  |  1.10 |

```
code #panic("x")
```
"""
HTML = """\
<h2>Terms</h2><p>Pay <b>now</b><br>please. <a href="https://example.com/">terms</a></p>
<ul><li>one<ol><li>inner</li></ol></li></ul>
<table><tr><th>Item</th><th>Price</th></tr><tr><td>Pen</td></tr></table>
<blockquote>quoted</blockquote><pre>code</pre>
"""


def rich(job: Make, text: str, text_format: str = "", source: str = "= Title\n#data.a") -> Document:
    types = {"a": f"richtext:{text_format}" if text_format else "richtext"}
    return typeset(job(source, {"a": text}, types=types))


def tags_of(document: Document) -> list[str]:
    with Pdf.open(BytesIO(document.pdf)) as pdf:
        return roles(pdf.Root.StructTreeRoot.K[0])


@pytest.mark.parametrize(("text", "text_format"), [(MARKDOWN, ""), (HTML, "html")])
def test_richtext__has_the_tags_of_its_structure(job: Make, text: str, text_format: str) -> None:
    tags = set(tags_of(rich(job, text, text_format)))
    assert {"/H1", "/H2", "/P", "/L", "/LI", "/Table", "/TH", "/TD", "/Link"} <= tags
    assert "/H4" not in tags  # a level that was skipped in the text is not in the document
    assert tags & {"/BlockQuote", "/Quote"}
    assert "/Code" in tags


def test_richtext__headings_are_below_those_of_the_template(job: Make) -> None:
    source = "= A\n== B\n#data.a\n#data.a"
    assert tags_of(rich(job, "# One\n## Two", source=source)).count("/H3") == 2


@pytest.mark.parametrize(
    "text",
    ['#panic("x")', '#read("/etc/passwd")', "$ x^2 $", "#let a = 1 #a", "@label", "= A", "$"],
)
@pytest.mark.parametrize("text_format", ["markdown", "html"])
def test_richtext__typst_in_it_is_text(job: Make, text: str, text_format: str) -> None:
    shown = text_of(rich(job, text, text_format, "#data.a").pdf)
    assert text.replace(" ", "") in shown.replace(" ", "").replace("“", '"').replace("”", '"')


@pytest.mark.parametrize(
    ("text", "text_format"),
    [
        ("[x](javascript:alert(1))", "markdown"),
        ("[x](file:///etc/passwd)", "markdown"),
        ("![x](http://169.254.169.254/)", "markdown"),
        ('<a href="javascript:alert(1)">x</a>', "html"),
        ("<img src=http://169.254.169.254/>x", "html"),
        ("<iframe src=//a.dev></iframe>x<script>alert(1)</script>", "html"),
    ],
)
def test_richtext__only_web_links_are_kept(job: Make, text: str, text_format: str) -> None:
    document = rich(job, text, text_format)
    assert "/Link" not in tags_of(document)
    assert b"/URI" not in document.pdf
    assert "alert(1)</script>" not in text_of(document.pdf)


@pytest.mark.parametrize(
    "text",
    ["> " * 5000 + "x", "- " * 5000 + "x", "*" * 20_000, "[" * 20_000, "`" * 20_001, "|a" * 9000],
)
def test_richtext__nesting_is_limited(job: Make, text: str) -> None:
    assert rich(job, text).page_count >= 1
    check_tree(f"markdown:{text}")


@pytest.mark.parametrize(
    "tag", ["<b>", "<ul><li>", "<blockquote>", "<table><tr><td>", "<a href=http://a>"]
)
def test_richtext__nesting_of_html_is_limited(job: Make, tag: str) -> None:
    assert rich(job, tag * 2000 + "x", "html").page_count >= 1
    check_tree(f"html:{tag * 2000}x")


def test_richtext__list_items_outside_a_list_are_text(job: Make) -> None:
    text = '<hr/>a <a href="https://a.dev/"><li>b<ol><li>c</li></ol></li></a>'
    assert "/LI" in tags_of(rich(job, text, "html"))
    check_tree(f"html:{text}")


def test_richtext__absent_and_blank_values_are_none(job: Make) -> None:
    source = "#panic(repr((data.a, data.b)))"
    types: dict[str, Any] = {"a": "richtext", "b": "richtext"}
    with pytest.raises(Exception, match="none"):
        typeset(job(source, {"a": None, "b": None}, types=types))
    assert rich(job, "&nbsp; <!-- -->", "html").page_count == 1


def test_richtext__thousands_of_hostile_texts_stay_text() -> None:
    texts = list(hostile_texts(seed=20261124, count=4000))
    for text in texts:
        check_tree(text)
    for start in range(0, 400, 50):
        assert typeset_texts(texts[start : start + 50])


@pytest.mark.parametrize("value_type", ["richtext", "text"])
@pytest.mark.parametrize("word", ["https://example.com/{:06d}", "( {:06d}", "{:06d} )x"])
def test_a_text_may_have_any_number_of_words_that_get_a_line_break(
    job: Make, value_type: str, word: str
) -> None:
    words = [word.format(number) for number in range(600)]
    document = typeset(job("= Title\n#data.a", {"a": " ".join(words)}, types={"a": value_type}))
    shown = "".join(text_of(document.pdf).split())
    assert words[0].replace(" ", "") in shown
    assert words[-1].replace(" ", "") in shown


@pytest.mark.parametrize(
    ("text", "text_format"),
    [
        (f"{'<blockquote><ul><li>' * 400}deep", "html"),
        (f"{'<b><i>' * 2000}deep", "html"),
        (f"{'> - ' * 40}deep", ""),
        (f"{'> - ' * 2000}deep", ""),
        (f"{'*a **b ' * 2000}deep", ""),
    ],
    ids=["blocks", "inline", "markdown", "very deep markdown", "emphasis"],
)
def test_nested_text__is_shown_to_its_end_whatever_its_depth(
    job: Make, text: str, text_format: str
) -> None:
    assert "deep" in text_of(rich(job, text, text_format).pdf)
