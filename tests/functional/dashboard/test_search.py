"""The search of the dashboard, the breadcrumbs, and the theme that a browser keeps."""

import re
from pathlib import Path

import pytest

from craftkit.keys import service as keys
from craftkit.keys.models import NewKey
from craftkit.projects import service as projects
from craftkit.projects.models import Project
from dashboard.navigation import PLACES
from testkit.project import publish
from testkit.visitor import Page, Visitor
from tests.functional.dashboard.users import ADA, BOB


def found(page: Page) -> list[tuple[str, str]]:
    """Each result's kind and name."""
    return re.findall(r'<span class="kind">(.*?)</span> <span>(.*?)</span>', page.text)


def search(visitor: Visitor, project: Project, query: str) -> Page:
    return visitor.get(f"/dashboard/projects/{project.id}/search?q={query}")


def test_search__without_a_query_lists_pages_and_other_projects(
    ada: Visitor, project: Project
) -> None:
    projects.create_project("Second shop", by=ADA.sub, owner=ADA)
    projects.create_project("Bob's shop", by=BOB.sub, owner=BOB)
    results = found(search(ada, project, ""))
    assert ("Page", "API keys") in results
    assert [name for kind, name in results if kind == "Project"] == ["Second shop"]


def test_search__finds_templates_and_keys_by_a_part_of_their_name(
    ada: Visitor, project: Project
) -> None:
    publish(project.id, "delivery-note")
    keys.create_key(project.id, NewKey(name="Note printer", mode="test"), by=ADA.sub)
    keys.create_key(project.id, NewKey(name="Checkout", mode="test"), by=ADA.sub)
    assert found(search(ada, project, "NOTE")) == [
        ("Template", "Invoice"),
        ("API key", "Note printer"),
    ]


def test_search__finds_nothing_of_another_project(
    ada: Visitor, bob: Visitor, project: Project
) -> None:
    theirs = projects.create_project("Bob's shop", by=BOB.sub, owner=BOB)
    publish(theirs.id, "secret-letter")
    assert found(search(ada, project, "secret")) == []
    assert search(ada, theirs, "secret").status == 404


def test_search__without_a_match_lists_what_is_searched(ada: Visitor, project: Project) -> None:
    page = search(ada, project, "%3Cscript%3Ezzz")
    assert "No page, project, template or API key matches “<script>zzz”" in page.words
    assert "<script>zzz" not in page.text


def test_breadcrumbs__link_the_project_and_its_pages(ada: Visitor, project: Project) -> None:
    key = keys.create_key(project.id, NewKey(name="Checkout", mode="test"), by=ADA.sub).key
    page = ada.get(f"/dashboard/projects/{project.id}/keys/{key.id}")
    crumbs = page.text.split('aria-label="Breadcrumbs"')[1].split("</nav>")[0]
    assert re.findall(r">([^<>]+)</(?:a|li)>", crumbs) == [project.name, "API keys", "Checkout"]


@pytest.mark.parametrize(
    ("cookie", "theme"), [("dark", "dark"), ("light", "light"), ('"><script>', ""), ("", "")]
)
def test_theme__follows_the_browser_by_default(
    ada: Visitor, project: Project, cookie: str, theme: str
) -> None:
    ada.jar["craftkit-theme"] = cookie
    html = ada.get(f"/dashboard/projects/{project.id}").text
    shown = re.search(r'<html lang="en"(?: data-theme="(.*?)")?>', html)
    assert shown
    assert (shown[1] or "") == theme


def test_find_projects__lists_all_of_the_user_and_no_others(ada: Visitor, project: Project) -> None:
    projects.create_project("Second shop", by=ADA.sub, owner=ADA)
    projects.create_project("Bob's shop", by=BOB.sub, owner=BOB)
    page = ada.get("/dashboard/projects", hx_request="true")
    assert sorted(name for _, name in found(page)) == [project.name, "Second shop"]
    page = ada.get("/dashboard/projects?q=second", hx_request="true")
    assert found(page) == [("Owner", "Second shop")]
    assert ada.get("/dashboard/projects").location == "/dashboard"


@pytest.mark.parametrize(
    ("path", "guide"), [("", "quick-start"), ("/keys", "keys"), ("/webhooks", "webhooks")]
)
def test_every_page_links_to_its_documentation(
    ada: Visitor, project: Project, path: str, guide: str
) -> None:
    page = ada.get(f"/dashboard/projects/{project.id}{path}")
    assert f'href="https://docs.craftkit.dev/{guide}.html"' in page.text


def test_places__have_a_page_of_the_documentation() -> None:
    docs = Path(__file__).parents[3] / "docs"
    assert {place.guide for place in PLACES} <= {path.stem for path in docs.glob("*.md")}
