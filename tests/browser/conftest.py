"""Pages of a deployed stack in a real Chromium."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from craftkit.projects import service as projects
from craftkit.projects.models import Project, User
from testkit.browser import chromium
from testkit.cloud import Cloud
from testkit.compiler import Compiler
from testkit.served_dashboard import ServedDashboard, served_dashboard

OpenPage = Callable[..., Page]

ADA = User(sub="11111111-aaaa-4aaa-8aaa-000000000001", email="ada@example.com")
BOB = User(sub="22222222-bbbb-4bbb-8bbb-000000000002", email="bob@example.com")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """`open_page(width=360, color_scheme="dark")`: a page in a new browser context.

    A JavaScript error of the page fails the test.
    """
    contexts = []
    errors: list[str] = []

    def open_one(width: int = 1280, height: int = 900, **how: Any) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **how)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def project(cloud: Cloud) -> Project:
    return projects.create_project("Invoicing", by=ADA.sub, owner=ADA)


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> Compiler:
    return Compiler.installed(monkeypatch)


@pytest.fixture
def dashboard(cloud: Cloud, project: Project, compiler: Compiler) -> Iterator[ServedDashboard]:
    """The dashboard at a local address, without a deployed stack."""
    with served_dashboard(cloud) as served:
        yield served


@pytest.fixture
def open_dashboard(dashboard: ServedDashboard, project: Project, open_page: OpenPage) -> OpenPage:
    """`open_dashboard("/keys", width=360)`: a page of the project, as its owner sees it."""

    def open_one(path: str = "", **how: Any) -> Page:
        page = open_page(**how)
        dashboard.sign_in(page, ADA)
        page.goto(f"{dashboard.url}/dashboard/projects/{project.id}{path}")
        return page

    return open_one
