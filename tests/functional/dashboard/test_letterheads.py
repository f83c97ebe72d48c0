"""Letterheads in the settings: publish, list and delete, by their forms."""

from base64 import b64encode

import pytest

from craftkit.projects.models import Project
from craftkit.templates import letterheads
from testkit import foreign_pdf
from testkit.visitor import Visitor
from typesetting import check_file


@pytest.fixture(autouse=True)
def compile_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """The compile function, in this process."""
    monkeypatch.setattr("dashboard.pages.letterheads.check_file_remotely", check_file)


def path(project: Project, rest: str = "") -> str:
    return f"/dashboard/projects/{project.id}{rest}"


def form(name: str = "Acme", content: bytes | None = None) -> dict[str, str]:
    pdf = foreign_pdf.letterhead_pdf(2) if content is None else content
    return {"letterhead_name": name, "letterhead_content": b64encode(pdf).decode()}


def test_letterheads__are_published_shown_and_deleted(ada: Visitor, project: Project) -> None:
    page = ada.follow(ada.post(path(project, "/letterheads"), form()))
    assert "The letterhead Acme is published." in page.words
    [published] = letterheads.list_letterheads(project.id)
    assert (published.name, published.page_count) == ("Acme", 2)
    page = ada.follow(ada.post(path(project, "/letterheads/Acme/delete")))
    assert "The letterhead Acme is deleted." in page.words
    assert letterheads.list_letterheads(project.id) == []


def test_letterheads__that_pdf_a_forbids_are_published_with_the_reason(
    ada: Visitor, project: Project
) -> None:
    answer = ada.post(path(project, "/letterheads"), form(content=foreign_pdf.unembedded()))
    page = ada.follow(answer)
    assert "its font Helvetica is not embedded" in page.words
    assert "not with PDF/A" in page.words


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (form(content=b"<html>"), "The letterhead cannot be used: it is not a PDF"),
        (form(content=b""), "Choose a PDF file of at most 700 KB"),
        (form("a/b"), "Must be a name of at most 64 letters"),
    ],
    ids=["html", "none", "name"],
)
def test_letterheads__a_wrong_form_is_shown_again_with_its_problem(
    ada: Visitor, project: Project, sent: dict[str, str], message: str
) -> None:
    answer = ada.post(path(project, "/letterheads"), sent)
    assert answer.status == 422
    assert message in answer.words
    assert letterheads.list_letterheads(project.id) == []
