"""Versions of a template: the page of each, and the comparison of any two."""

import base64
import re
from typing import Any

import pytest

from craftkit.projects.models import Project
from craftkit.typesetter import Job, Preview
from testkit.project import publish
from testkit.visitor import Visitor

SOURCE = '#import "/craftkit.typ": *\n= {title}\n#data.name\n'
MANIFEST = {
    "variables": [{"key": "name", "label": "Name", "dataType": "text", "previewData": "Ada"}],
    "loops": [],
}


@pytest.fixture
def letters(project: Project, compiler: Any) -> str:
    """A template with three versions, and the path of its page."""
    for title in ("First", "Second", "Third"):
        publish(project.id, "letter", manifest=MANIFEST, source=SOURCE.format(title=title))
    return f"/dashboard/projects/{project.id}/templates/letter"


def test_show_version__has_the_source_of_that_version_and_how_to_render_it(
    ada: Visitor, letters: str
) -> None:
    page = ada.get(f"{letters}/versions/2")
    assert page.status == 200
    assert "= Second" in page.words
    assert '"versionNumber": 2' in page.words
    assert "Roll back" in page.words
    assert "current" not in page.text.split("<h1>")[1].split("</h1>")[0]


def test_show_version__the_current_version_cannot_be_rolled_back_to(
    ada: Visitor, letters: str
) -> None:
    page = ada.get(f"{letters}/versions/3")
    assert "current" in page.text.split("<h1>")[1].split("</h1>")[0]
    assert "/restore" not in page.text


@pytest.mark.parametrize("number", ["4", "0", "x", "9999999"])
def test_show_version__a_version_that_does_not_exist_is_404(
    ada: Visitor, letters: str, number: str
) -> None:
    assert ada.get(f"{letters}/versions/{number}").status == 404


def test_compare__any_two_versions(ada: Visitor, letters: str) -> None:
    page = ada.get(f"{letters}/diff?before=3&after=1")
    removed = re.findall(r'<span class="del">(.*?)</span>', page.text)
    added = re.findall(r'<span class="add">(.*?)</span>', page.text)
    assert (removed, added) == (["-= Third"], ["+= First"])
    assert '<option value="3" selected>' in page.text
    assert '<option value="1" selected>' in page.text


def test_compare_pages__says_which_pages_are_the_same(ada: Visitor, letters: str) -> None:
    page = ada.get(f"{letters}/diff/pages?before=1&after=3")
    assert "Page 1 is the same in both versions." in page.words


def test_compare_pages__shows_a_page_of_both_where_they_differ(
    ada: Visitor, letters: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def draw(job: Job, _pixels_per_inch: float) -> Preview:
        pages = 2 if "Third" in job.source else 1
        return Preview.of([job.source.encode()] * pages)

    monkeypatch.setattr("dashboard.pages.versions.preview_remotely", draw)
    page = ada.get(f"{letters}/diff/pages?before=1&after=3")
    images = [base64.b64decode(each).decode() for each in re.findall(r"base64,([^\"]+)", page.text)]
    first, third = (SOURCE.format(title=title) for title in ("First", "Third"))
    assert images == [third, first, third]
    assert "Page 2 exists only in version 3." in page.words


def test_compare_pages__a_version_that_does_not_exist_is_404(ada: Visitor, letters: str) -> None:
    assert ada.get(f"{letters}/diff/pages?before=1&after=9").status == 404
