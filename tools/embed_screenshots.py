"""`make screenshots`: writes the screenshots of the embedded page to docs/images/embed.

They show the example partner's site, with the stack of `make dev` or a new one.
"""

from typing import Any

from PIL import Image
from playwright.sync_api import Browser, FrameLocator, Page

from deployment.workspace import ROOT
from testkit.browser import chromium
from testkit.embed import session_body
from testkit.partner_site import partner_site
from testkit.stack import RunningStack, local_stack

FOLDER = ROOT / "docs" / "images" / "embed"
_DESK = {"width": 1360, "height": 900}
_PHONE = {"width": 360, "height": 740}
_COLOURS = 128
_SHOWN = ".pages:not([data-shown='0'])"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with local_stack() as (stack, _), chromium() as browser, partner_site(stack) as site:
        _partners_site(browser, site)
        _alone(browser, stack, "fill-dark", "fill", _DESK, "dark")
        _alone(browser, stack, "fill-phone", "fill", _PHONE, "light")
        _alone(browser, stack, "edit", "edit", _DESK, "light")
        _alone(browser, stack, "view", "view", _DESK, "light")


def _partners_site(browser: Browser, site: str) -> None:
    page = _page(browser, _DESK, "light")
    page.goto(site)
    page.get_by_role("button", name="Invoice").first.click()
    form = page.frame_locator("iframe")
    form.locator(_SHOWN).wait_for()
    with page.expect_response(lambda answer: "2501" in (answer.request.post_data or "")):
        _type(form)
    page.wait_for_timeout(500)
    _shoot(page, "partner")
    form.get_by_role("button", name="Create invoice").click()
    form.get_by_role("heading", name="Your document is ready").wait_for()
    page.wait_for_timeout(1500)
    _shoot(page, "partner-done")
    page.context.close()


def _type(form: FrameLocator) -> None:
    for name, text in {
        "Invoice number": "INV-2026-0142",
        "Your reference": "PO 88213",
        "Currency (ISO 4217)": "EUR",
        "Issuer": "Northwind Books",
        "Item": "Poetry, first editions",
        "Quantity": "2",
        "Unit price": "1,250.50",
        "Total": "2501",
    }.items():
        form.get_by_role("textbox", name=name, exact=True).fill(text)
    form.get_by_role("textbox", name="Invoice number").focus()


def _alone(
    browser: Browser, stack: RunningStack, name: str, mode: str, size: dict[str, int], scheme: str
) -> None:
    page = _page(browser, size, scheme)
    body: dict[str, Any] = session_body(mode, permissions="admin")
    opened = stack.call("POST", "/v1/embed/sessions", key=stack.editor_key, json=body).json()
    page.goto(opened["iframe_url"])
    page.locator(_SHOWN).wait_for(state="attached")
    page.wait_for_timeout(500)
    _shoot(page, name)
    page.context.close()


def _page(browser: Browser, size: dict[str, int], scheme: str) -> Page:
    context = browser.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
    return context.new_page()


def _shoot(page: Page, name: str) -> None:
    path = FOLDER / f"{name}.png"
    page.screenshot(path=path)
    with Image.open(path) as image:
        small = image.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


if __name__ == "__main__":
    main()
