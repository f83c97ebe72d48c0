"""What every page of a project has: search and theme; and the comparison of versions."""

import base64
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Request, expect

from craftkit.keys import service as keys
from craftkit.keys.models import NewKey
from craftkit.projects import service as projects
from craftkit.projects.models import Project
from craftkit.typesetter import Job, Preview
from testkit.browser import grave_faults
from testkit.compiler import PNG
from testkit.project import publish
from tests.browser.conftest import ADA

OpenPage = Callable[..., Page]

# Another white pixel than PNG: 2 × 2.
WIDE_PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAAAAABX3VL4AAAADklEQVR4nGP4/5/h/38AC/oD/eAlihAAAAAASUVORK5CYII="
)


class TestSearch:
    def test_ctrl_k_finds_a_key_and_enter_opens_it(
        self, open_dashboard: OpenPage, project: Project
    ) -> None:
        key = keys.create_key(project.id, NewKey(name="Checkout", mode="test"), by=ADA.sub).key
        page = open_dashboard("/usage")
        page.keyboard.press("Control+k")
        dialog = page.get_by_role("dialog", name="Search")
        expect(dialog.get_by_role("link", name="API keys")).to_be_visible()
        page.keyboard.type("check")
        expect(dialog.get_by_role("link")).to_have_count(1)
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/keys/{key.id}")

    def test_the_arrow_keys_go_through_the_results_and_escape_returns_the_focus(
        self, open_dashboard: OpenPage
    ) -> None:
        page = open_dashboard("/usage")
        button = page.get_by_role("button", name="Search")
        button.click()
        dialog = page.get_by_role("dialog", name="Search")
        expect(dialog.get_by_role("link").first).to_be_visible()
        page.keyboard.press("ArrowDown")
        expect(dialog.get_by_role("link").first).to_be_focused()
        page.keyboard.press("ArrowUp")
        expect(dialog.get_by_role("searchbox")).to_be_focused()
        assert grave_faults(page) == []
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        expect(button).to_be_focused()


def test_theme__the_choice_is_kept_on_the_next_page(open_dashboard: OpenPage) -> None:
    page = open_dashboard("/usage", color_scheme="light")
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    page.get_by_label("Theme").select_option("Dark")
    dark = page.evaluate(background)
    assert dark != light
    page.get_by_role("link", name="API keys").first.click()
    page.wait_for_url("**/keys")
    assert page.evaluate(background) == dark
    page.get_by_label("Theme").select_option("System")
    assert page.evaluate(background) == light


def test_compare__the_slider_shows_one_version_over_the_other(
    open_dashboard: OpenPage, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for title in ("First", "Second"):
        publish(project.id, "invoice", source=f'#import "/craftkit.typ": *\n= {title}\n')

    def draw(job: Job, _pixels_per_inch: float) -> Preview:
        return Preview.of([WIDE_PNG if "Second" in job.source else PNG])

    monkeypatch.setattr("dashboard.pages.versions.preview_remotely", draw)
    page = open_dashboard("/templates/invoice/versions/2")
    page.get_by_label("Compare with").select_option("Version 1")
    page.get_by_role("button", name="Compare").click()
    slider = page.get_by_role("slider", name="Page 1, from version 1 to version 2")
    expect(slider).to_be_visible()
    slider.fill("100")
    before = page.get_by_alt_text("Page 1 of version 1")
    assert before.evaluate("image => getComputedStyle(image).clipPath").startswith("inset(0px 100%")
    page.get_by_label("Highlight differences").check()
    assert before.evaluate("image => getComputedStyle(image).mixBlendMode") == "difference"
    assert grave_faults(page) == []


PAGES = (
    "", "/keys", "/keys/new", "/templates", "/renders", "/batches", "/requests", "/webhooks",
    "/embed", "/usage", "/audit", "/settings",
)  # fmt: skip
_SHIFT = """() => {
  window.shift = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
}"""


@pytest.mark.parametrize("path", PAGES)
def test_a_page_without_the_editor_is_small_and_does_not_move(
    path: str, open_dashboard: OpenPage, project: Project
) -> None:
    """With nothing cached: 40 kB compressed, 7 requests, no layout shift; images not counted."""
    for number in range(30):
        keys.create_key(project.id, NewKey(name=f"Key {number}", mode="test"), by=ADA.sub)
    page = open_dashboard("/settings")
    address = page.url.removesuffix("/settings") + path
    fresh = page.context.browser.new_context(storage_state=page.context.storage_state())
    cold = fresh.new_page()
    loaded: list[Request] = []
    cold.on("requestfinished", lambda request: loaded.append(request))
    cold.goto(address)
    cold.wait_for_load_state("networkidle")
    sizes = [request.sizes()["responseBodySize"] for request in list(loaded)]
    cold.evaluate(_SHIFT)
    cold.wait_for_timeout(300)
    shift = cold.evaluate("window.shift")
    fresh.close()
    assert sum(sizes) <= 40_000
    assert len(sizes) <= 7
    assert round(shift, 2) == 0


def test_projects__the_keyboard_switches_to_another_one(
    open_dashboard: OpenPage, project: Project
) -> None:
    other = projects.create_project("Second shop", by=ADA.sub, owner=ADA)
    page = open_dashboard("/usage")
    page.keyboard.press("Control+Shift+K")
    dialog = page.get_by_role("dialog", name="Projects")
    expect(dialog.get_by_role("link")).to_have_count(2)
    page.keyboard.type("second")
    expect(dialog.get_by_role("link")).to_have_count(1)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/projects/{other.id}")


def test_copy__an_id_is_copied_by_its_button(open_dashboard: OpenPage, project: Project) -> None:
    page = open_dashboard("/settings")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = page.get_by_role("button", name=f"Copy {project.id}")
    button.click()
    expect(button).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == project.id
