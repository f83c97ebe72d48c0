"""The dashboard in Chromium, on the deployed stack: from sign-in to a key that is refused."""

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect
from standardwebhooks.webhooks import Webhook

from testkit.browser import grave_faults
from testkit.dashboard import PAGES, project_url, settle, sign_in
from testkit.loopback import LoopbackReceiver, receiving
from testkit.stack import RunningStack

OpenPage = Callable[..., Page]

TITLE = "= Typed in the browser"
PREVIEW_IMAGE = "#preview img"
# The embedded AWS is slow to begin a function for the first time.
PATIENCE = 60_000


@pytest.fixture
def receiver() -> Iterator[LoopbackReceiver]:
    with receiving() as listening:
        yield listening


def run(command: str, key: str, folder: Path) -> bytes:
    """Run the page's curl in a shell with the key. Returns the file that it wrote."""
    for file in folder.iterdir():
        file.unlink()
    subprocess.run(
        ["bash", "-c", command.replace("curl ", "curl --silent --show-error ", 1)],
        cwd=folder,
        env={**os.environ, "CRAFTKIT_API_KEY": key},
        capture_output=True,
        check=False,  # curl fails where the answer is an error
        timeout=60,
    )
    (file,) = folder.iterdir()
    return file.read_bytes()


def write(page: Page, text: str) -> None:
    """Replace the editor's source with the text."""
    page.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def test_a_created_key_is_refused_after_its_revocation(
    stack: RunningStack, open_page: OpenPage, receiver: LoopbackReceiver, tmp_path: Path
) -> None:
    page = open_page(width=1440)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sign_in(page, stack)

    # A project
    page.get_by_role("button", name="New project").click()
    page.get_by_role("dialog").get_by_label("Name").fill("Browser")
    page.get_by_role("button", name="Create project").click()
    expect(page.get_by_role("heading", name="Browser", exact=True)).to_be_visible()
    project = page.url

    # A key: enter a name, Create key
    page.get_by_role("link", name="API keys").click()
    page.get_by_role("link", name="Create key").first.click()
    page.get_by_label("Name").fill("browser")
    page.get_by_role("button", name="Create key").dblclick()
    page.get_by_role("button", name="Copy key").click()
    key = page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(r"ck_test_[0-9A-Za-z]{38}", key)
    page.get_by_role("link", name="I have copied it").click()
    expect(page.get_by_role("row")).to_have_count(2)  # the head and one key, of a double click
    page.go_back()
    assert key not in page.content()
    assert key not in page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")

    # A template from the gallery, edited while the preview follows
    page.goto(f"{project}/templates")
    page.get_by_role("link", name="New template").click()
    page.get_by_role("button", name="Use this template: Receipt").click()
    page.get_by_role("dialog").get_by_role("button", name="Open in the editor").click()
    expect(page.locator(PREVIEW_IMAGE).first).to_be_visible(timeout=PATIENCE)
    first = page.locator(PREVIEW_IMAGE).first.get_attribute("src")
    text = page.locator("#source").input_value()
    write(page, f"{text}\n{TITLE}\n")
    expect(page.locator(PREVIEW_IMAGE).first).not_to_have_attribute(
        "src", first or "", timeout=PATIENCE
    )
    write(page, f"{text}\n#let broken = (\n")
    problem = page.locator("#problem [data-line]")
    expect(problem).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".cm-lintRange-error")).to_be_visible()
    write(page, f"{text}\n{TITLE}\n")
    expect(problem).to_have_count(0, timeout=PATIENCE)
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("Version 1 is published")).to_be_visible(timeout=PATIENCE)
    curl = page.locator("#use-text-1").inner_text()

    # Somebody who wants to know
    page.get_by_role("link", name="Webhooks").click()
    page.get_by_role("link", name="Add endpoint").first.click()
    page.get_by_label("URL").fill(receiver.url)
    page.get_by_role("button", name="Add endpoint").click()
    secret = page.locator("#secret-1").inner_text()
    page.get_by_role("link", name="I have copied it").click()
    endpoint = page.url

    # A render by the curl that was shown, seen in the dashboard
    document = run(curl, key, tmp_path)
    assert document.startswith(b"%PDF"), document[:500]
    page.get_by_role("link", name="Renders").click()
    page.get_by_role("row").nth(1).get_by_role("link").click()
    render_id = page.url.rpartition("/")[2]
    expect(page.get_by_alt_text("Page 1")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text(hashlib.sha256(document).hexdigest())).to_be_visible()

    # The webhook, verified by the official library
    arrived = next(
        each for each in receiver.wait_for(1) if each.headers["x-craftkit-event"][:6] == "render"
    )
    event = Webhook(secret).verify(arrived.body, arrived.headers)
    assert event["data"]["id"] == render_id
    page.goto(endpoint)
    page.get_by_role("link", name="render.succeeded").click()
    expect(page.get_by_text("delivered")).to_be_visible()
    expect(page.get_by_text("200", exact=True)).to_be_visible()

    # Revoked: the very next request is refused
    page.get_by_role("link", name="API keys").click()
    page.get_by_role("button", name="Revoke").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("done")
    dialog.get_by_role("button", name="Revoke key").click()
    expect(page.get_by_role("status")).to_contain_text("browser is revoked")
    refusal = json.loads(run(curl, key, tmp_path))
    assert refusal["error"]["code"] == "invalid_credentials"


def test_signing_out_ends_the_session(stack: RunningStack, open_page: OpenPage) -> None:
    page = open_page()
    sign_in(page, stack)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    page.go_back()
    page.goto(project_url(stack))
    expect(page.get_by_label("Username")).to_be_visible()


def test_sign_in_returns_to_the_requested_page(stack: RunningStack, open_page: OpenPage) -> None:
    page = open_page()
    sign_in(page, stack, f"/projects/{stack.project_id}/renders?mode=live")
    expect(page.get_by_role("heading", name="Renders")).to_be_visible()
    assert page.url.endswith("/renders?mode=live")


def test_other_sites_cannot_frame_the_dashboard(stack: RunningStack, open_page: OpenPage) -> None:
    page = open_page()
    with page.expect_console_message(lambda message: "frame" in message.text.lower()):
        page.set_content(f'<iframe src="{stack.dashboard_url}/signed-out"></iframe>')
    assert "signed out" not in page.frames[-1].content()


def test_the_sandbox_opens_the_embedded_page(stack: RunningStack, open_page: OpenPage) -> None:
    page = open_page(width=1440)
    sign_in(page, stack, f"/projects/{stack.project_id}/embed/sandbox")
    to_embed: list[Request] = []
    page.on("request", lambda r: r.url.startswith(stack.embed_url) and to_embed.append(r))
    page.get_by_role("button", name="Open").click()
    frame = page.frame_locator("iframe")
    expect(frame.locator("input").first).to_be_visible(timeout=PATIENCE)
    # The page is on a host of its own, which the dashboard's cookies are not sent to.
    assert to_embed
    assert page.context.cookies(stack.dashboard_url)
    assert page.context.cookies(stack.embed_url) == []
    assert not any("cookie" in request.all_headers() for request in to_embed)


def test_a_key_can_be_created_by_keyboard(stack: RunningStack, open_page: OpenPage) -> None:
    page = open_page()
    sign_in(page, stack, f"/projects/{stack.project_id}/keys")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(2):
        page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Create key")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("keyboard")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Copy this key now")).to_be_visible()


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_has_no_layout_or_accessibility_fault(
    width: int, scheme: str, stack: RunningStack, open_page: OpenPage
) -> None:
    """Check that axe-core finds nothing serious, and nothing is wider than the screen."""
    page = open_page(width=width, color_scheme=scheme)
    sign_in(page, stack)  # on the user pool's own page, which has its own console
    refused: list[str] = []
    page.on("console", lambda message: message.type == "error" and refused.append(message.text))
    faults = {"projects": grave_faults(page)}
    for name, path in PAGES.items():
        page.goto(project_url(stack) + path)
        settle(page)
        faults[name] = grave_faults(page)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            faults[name].append("wider than the screen")
    assert {name: found for name, found in faults.items() if found} == {}
    assert refused == []  # by the content security policy, say
