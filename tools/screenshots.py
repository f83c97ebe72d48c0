"""`make screenshots`: writes the screenshots of the dashboard to docs/images/dashboard.

They are taken from the stack of `make dev`, or from a new one.
"""

from collections.abc import Iterable

from PIL import Image
from playwright.sync_api import Browser, Page

from deployment.workspace import ROOT
from testkit.browser import chromium
from testkit.dashboard import PAGES, project_url, settle, sign_in
from testkit.loopback import LoopbackReceiver, receiving
from testkit.stack import RunningStack, local_stack

FOLDER = ROOT / "docs" / "images" / "dashboard"
_SIZE = {"width": 1280, "height": 800}
_PHONE = {"width": 360, "height": 740}
_ON_A_PHONE = ("overview", "keys", "editor")
_COLOURS = 128


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with local_stack() as (stack, _), receiving() as receiver, chromium() as browser:
        _fill(stack, receiver)
        _walk(browser, stack, "", PAGES, _SIZE, "light")
        _walk(browser, stack, "-dark", ("keys", "editor", "usage"), _SIZE, "dark")
        _walk(browser, stack, "-phone", _ON_A_PHONE, _PHONE, "light")


def _fill(stack: RunningStack, receiver: LoopbackReceiver) -> None:
    """Create a webhook and renders of both modes as content for the screenshots."""
    stack.craftkit("webhooks", "create", "--project", stack.project_id, "--url", receiver.url)
    data = {"customer": {"name": "Ada Lovelace"}, "items": [], "total": 42}
    body = {"data": data, "options": {"sync": True}}
    for key in (stack.live_key, stack.live_key, stack.test_key):
        stack.call("POST", "/v1/templates/invoice/render", key=key, json=body)
    receiver.wait_for(3)


def _walk(
    browser: Browser,
    stack: RunningStack,
    suffix: str,
    names: Iterable[str],
    size: dict[str, int],
    scheme: str,
) -> None:
    context = browser.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    sign_in(page, stack)
    if not suffix:
        _shoot(page, "projects")
    for name in names:
        page.goto(project_url(stack) + PAGES[name])
        settle(page)
        _shoot(page, name + suffix)
    if not suffix:
        page.goto(project_url(stack) + PAGES["renders"])
        page.get_by_role("row").nth(1).get_by_role("link").first.click()
        page.get_by_alt_text("Page 1").wait_for()
        _shoot(page, "render")
        page.goto(project_url(stack) + PAGES["webhooks"])
        page.get_by_role("row").nth(1).get_by_role("link").click()
        page.get_by_role("link", name="render.").first.click()
        settle(page)
        _shoot(page, "delivery")
    context.close()


def _shoot(page: Page, name: str) -> None:
    path = FOLDER / f"{name}.png"
    page.screenshot(path=path)
    with Image.open(path) as image:
        small = image.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


if __name__ == "__main__":
    main()
