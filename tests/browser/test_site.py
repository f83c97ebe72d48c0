"""The documentation's pages in Chromium: from a phone's width up, without JavaScript."""

from pathlib import Path

import pytest

from testkit.browser import grave_faults
from tests.browser.conftest import OpenPage
from tools.site import build, pages


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "site"
    build(folder)
    return folder


@pytest.mark.parametrize("name", pages())
@pytest.mark.parametrize(("width", "color_scheme"), [(360, "dark"), (1280, "light")])
def test_a_page_fits_the_screen_and_is_readable(
    site: Path, open_page: OpenPage, name: str, width: int, color_scheme: str
) -> None:
    page = open_page(width=width, color_scheme=color_scheme)
    page.goto((site / f"{name}.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert grave_faults(page) == []


def test_narrow_screens_show_the_page_first_and_the_navigation_on_demand(
    site: Path, open_page: OpenPage
) -> None:
    page = open_page(width=360, java_script_enabled=False)
    page.goto((site / "index.html").as_uri())
    others = page.get_by_role("navigation", name="Pages")
    assert not others.is_visible()
    page.get_by_role("button", name="Menu").click()
    others.get_by_role("link", name="Webhooks").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Webhooks"


def test_wide_screens_show_the_navigation(site: Path, open_page: OpenPage) -> None:
    page = open_page()
    page.goto((site / "errors.html").as_uri())
    assert page.get_by_role("navigation", name="Pages").is_visible()
    assert not page.get_by_role("button", name="Menu").is_visible()
