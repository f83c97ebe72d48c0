"""`craftkit templates dev` in a real Chromium."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from craftkit_cli import main as cli
from craftkit_cli.authoring.dev_server import DevServer
from testkit.browser import grave_faults
from tests.browser.conftest import OpenPage


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "invoice"
    assert cli.main(["templates", "new", str(made)]) == 0
    (made / "data").mkdir()
    data = json.loads((made / "data.json").read_text())
    (made / "data" / "short.json").write_text(json.dumps(data | {"items": [], "notes": None}))
    return made


@pytest.fixture
def page(folder: Path, open_page: OpenPage) -> Iterator[Page]:
    server = DevServer(folder, 0)
    server.start()
    try:
        shown = open_page()
        shown.goto(server.url)
        expect(shown.get_by_alt_text("Page 1")).to_be_visible()
        yield shown
    finally:
        server.stop()


def image_of(page: Page) -> str:
    return str(
        page.evaluate(
            """async () => {
              const response = await fetch(document.querySelector("#pages img").src);
              const digest = await crypto.subtle.digest("SHA-256", await response.arrayBuffer());
              return [...new Uint8Array(digest)].join();
            }"""
        )
    )


def save(folder: Path, *changes: tuple[str, str]) -> None:
    source = (folder / "source.typ").read_text()
    for right, wrong in changes:
        assert right in source
        source = source.replace(right, wrong)
    (folder / "source.typ").write_text(source)


def test_dev__the_page_follows_a_save(page: Page, folder: Path) -> None:
    before, pages = image_of(page), page.locator("#pages")
    revision = pages.get_attribute("data-revision")
    save(folder, ("heading[Invoice]", "heading[Bill]"))
    expect(pages).not_to_have_attribute("data-revision", str(revision))
    assert image_of(page) != before


def test_dev__an_error_is_shown_with_its_lines_and_goes_when_it_is_mended(
    page: Page, folder: Path
) -> None:
    save(folder, ("money(data.total)", "monney(data.total)"))
    fault = page.get_by_role("alert")
    expect(fault).to_contain_text("source.typ, line")
    expect(fault.locator("mark")).to_contain_text("monney(data.total)")
    save(folder, ("monney(", "money("))
    expect(fault).to_be_hidden()
    (folder / "manifest.json").write_text('{"variables": [')
    expect(fault).to_contain_text("manifest.json is not valid JSON")


def test_dev__data_sets_can_be_switched(page: Page) -> None:
    before = image_of(page)
    page.get_by_label("Data set").select_option("short")
    expect(page.locator("#pages img")).to_have_attribute(
        "src", "/page?set=short&number=1&revision=0"
    )
    assert image_of(page) != before
    expect(page.get_by_label("Data set")).to_have_value("short")


def test_dev__warnings_and_accessibility_findings_are_shown(page: Page, folder: Path) -> None:
    expect(page.locator("#warnings")).to_be_hidden()
    expect(page.locator("#accessibility")).to_be_hidden()
    save(
        folder,
        ("#set text(fill: ink", '#set text(font: "No Such Font", fill: ink'),
        ("    heading[Invoice]", "    [Invoice]"),
    )
    expect(page.locator("#warnings")).to_contain_text("no such font")
    expect(page.locator("#accessibility")).to_contain_text("The document has no heading")
    assert grave_faults(page) == []


def test_dev__another_host_is_refused(page: Page) -> None:
    answer = page.request.get(page.url, headers={"Host": "evil.example"})
    assert answer.status == 421
