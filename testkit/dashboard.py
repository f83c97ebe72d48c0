"""Drives the dashboard of a deployed stack with a browser."""

from playwright.sync_api import Page, expect

from testkit.stack import RunningStack

PAGES = {
    "overview": "",
    "keys": "/keys",
    "new-key": "/keys/new",
    "trust": "/trust",
    "new-trust-rule": "/trust/new",
    "templates": "/templates",
    "gallery": "/templates/new",
    "template": "/templates/invoice",
    "editor": "/templates/invoice/edit",
    "renders": "/renders",
    "batches": "/batches",
    "requests": "/requests",
    "webhooks": "/webhooks",
    "new-webhook": "/webhooks/new",
    "hooks": "/hooks",
    "embed": "/embed",
    "embed-keys": "/embed/keys",
    "embed-origins": "/embed/origins",
    "embed-catalogs": "/embed/catalogs",
    "embed-sessions": "/embed/sessions",
    "embed-sandbox": "/embed/sandbox",
    "usage": "/usage",
    "audit": "/audit",
    "settings": "/settings",
}
"""The pages of the demo project, by the name of their screenshot."""


def sign_in(page: Page, stack: RunningStack, to: str = "") -> None:
    """Sign in on the hosted page and open the dashboard or a page below it."""
    assert stack.dashboard_user
    page.goto(stack.dashboard_url + to)
    page.get_by_label("Username").fill(stack.dashboard_user["email"])
    page.get_by_label("Password").fill(stack.dashboard_user["password"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{stack.dashboard_url}**")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def project_url(stack: RunningStack) -> str:
    """The demo project's address, to which the paths of `PAGES` are added."""
    return f"{stack.dashboard_url}/projects/{stack.project_id}"


def settle(page: Page) -> None:
    """Wait for content that is loaded after the page: previews and images."""
    page.wait_for_load_state("networkidle")
    page.wait_for_function(
        "() => [...document.images].filter((i) => i.loading !== 'lazy' || "
        "i.getBoundingClientRect().top < innerHeight).every((i) => i.complete)"
    )
