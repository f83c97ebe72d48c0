"""A letterhead is uploaded in the settings, in Chromium."""

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from craftkit.projects.models import Project
from craftkit.templates import letterheads
from testkit import foreign_pdf
from testkit.browser import grave_faults
from typesetting import check_file

OpenPage = Callable[..., Page]


@pytest.fixture(autouse=True)
def compile_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """The compile function, in this process."""
    monkeypatch.setattr("dashboard.pages.letterheads.check_file_remotely", check_file)


def test_a_file_is_chosen_published_and_deleted(
    open_dashboard: OpenPage, project: Project, tmp_path: Path
) -> None:
    page = open_dashboard("/settings")
    file = tmp_path / "paper.pdf"
    file.write_bytes(foreign_pdf.letterhead_pdf())
    page.get_by_label("Letterhead name").fill("Acme")
    page.get_by_label("PDF", exact=True).set_input_files(file)
    expect(page.locator("#letterhead_content")).to_have_value(b64encode(file.read_bytes()).decode())
    page.get_by_role("button", name="Publish letterhead").click()
    expect(page.get_by_role("status")).to_contain_text("The letterhead Acme is published.")
    assert [each.name for each in letterheads.list_letterheads(project.id)] == ["Acme"]
    assert grave_faults(page) == []
    page.get_by_role("row", name="Acme").get_by_role("button", name="Delete").click()
    page.get_by_role("dialog", name="Delete Acme?").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("status")).to_contain_text("The letterhead Acme is deleted.")
    assert letterheads.list_letterheads(project.id) == []


def test_a_file_that_is_too_large_is_not_sent(open_dashboard: OpenPage, tmp_path: Path) -> None:
    page = open_dashboard("/settings")
    file = tmp_path / "paper.pdf"
    file.write_bytes(b"%PDF-" + b"x" * 700_000)
    page.get_by_label("PDF", exact=True).set_input_files(file)
    expect(page.locator("#letterhead_content")).to_have_value("")
    message = page.get_by_label("PDF", exact=True).evaluate("field => field.validationMessage")
    assert message == "The file is too large."
