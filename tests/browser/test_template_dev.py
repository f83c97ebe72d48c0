"""The page of `craftkit templates dev` in Chromium: it follows saves, and shows errors in place."""

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest
from playwright.sync_api import Page, expect

from craftkit_cli import main as cli
from craftkit_cli.authoring import local_preview
from craftkit_cli.authoring.dev_server import DevServer
from testkit.browser import grave_faults
from tests.browser.conftest import OpenPage

SAVES = 9
MOST_SECONDS = 0.3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "invoice"
    assert cli.main(["templates", "new", str(made)]) == 0
    return made


@pytest.fixture
def page(folder: Path, open_page: OpenPage) -> Iterator[Page]:
    server = DevServer(folder, 0, local_preview.draw)
    server.start()
    opened = open_page()
    opened.goto(server.url)
    expect(opened.get_by_role("img", name="Page 1")).to_be_visible()
    yield opened
    server.stop()


def save(folder: Path, before: str, after: str) -> None:
    source = folder / "source.typ"
    text = source.read_text(encoding="utf-8")
    assert before in text
    source.write_text(text.replace(before, after), encoding="utf-8")


def test_the_page_follows_a_save_within_300_milliseconds(page: Page, folder: Path) -> None:
    """From the write of the file until Chromium has loaded the new image."""
    taken = []
    words = ["Invoice"] + [f"Bill {number}" for number in range(SAVES + 2)]
    for before, after in pairwise(words):
        revision = page.locator("#pages").get_attribute("data-revision")
        began = time.monotonic()
        save(folder, f"heading[{before}]", f"heading[{after}]")
        page.wait_for_function(
            "(old) => { const pages = document.querySelector('#pages');"
            " return pages.dataset.revision !== old && pages.children[0].complete; }",
            arg=revision,
            polling=5,
        )
        taken.append(time.monotonic() - began)
        time.sleep(0.1)
    assert median(taken[2:]) <= MOST_SECONDS, taken


def test_an_error_is_shown_in_place_and_the_old_page_stays(page: Page, folder: Path) -> None:
    save(folder, "money(data.total)", "monney(data.total)")
    fault = page.get_by_role("alert")
    expect(fault).to_contain_text("source.typ, line")
    expect(fault).to_contain_text("monney")
    expect(fault.locator("mark")).to_contain_text("monney(data.total)")
    assert "stale" in (page.locator("#pages").get_attribute("class") or "")
    assert grave_faults(page) == []
    save(folder, "monney(data.total)", "money(data.total)")
    expect(fault).to_be_hidden()
    expect(page.get_by_role("img", name="Page 1")).to_be_visible()


def test_data_sets_can_be_switched(page: Page, folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "copy.json").write_text((folder / "data.json").read_text())
    page.get_by_label("Data set").select_option("copy")
    expect(page.get_by_role("status")).to_contain_text("1 page")
    assert page.get_by_label("Data set").input_value() == "copy"
