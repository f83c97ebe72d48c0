"""The documentation's site: it builds, its links have targets, and its samples are valid.

The three samples of the quick start are run against a stack in tests/e2e/test_quick_start.py.
"""

import ast
import json
import re
import shlex
from html.parser import HTMLParser
from pathlib import Path

import pytest

from craftkit_cli.main import parser
from tools.docs import DOCS
from tools.site import CHAPTERS, build, text_of
from tools.site import pages as pages_of_the_site

NAMES = pages_of_the_site()


def samples(kind: str) -> list[tuple[str, str]]:
    """Fenced blocks of a language, by page."""
    fenced = re.compile(rf"^```{kind}\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return [(name, block) for name in NAMES for block in fenced.findall(text_of(name))]


class Page(HTMLParser):
    """The links, images and anchors of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.leads_to: list[str] = []
        self.anchors: list[str] = []
        self.loads: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors += [given["id"]] if "id" in given else []
        if tag == "a" and "href" in given:
            self.leads_to.append(given["href"])
        if tag in ("img", "script", "link"):
            self.loads.append(given.get("src") or given.get("href") or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("docs") / "site"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Page]:
    return {path.name: Page(path) for path in build(site)} | {"": Page(site / "index.html")}


def test_every_link_has_a_target(pages: dict[str, Page]) -> None:
    for name, page in pages.items():
        for link in page.leads_to:
            target, _, anchor = link.partition("#")
            if target.startswith(("http:", "https:")) or target == "openapi.json":
                continue
            # Pages of the repository alone are named in words, not linked.
            assert (target or name) in pages, (name, link)
            if anchor:
                assert anchor in pages[target or name].anchors, (name, link)


def test_every_asset_of_a_page_exists(pages: dict[str, Page], site: Path) -> None:
    for name, page in pages.items():
        assert [each for each in page.loads if not (site / each).is_file()] == [], name


def test_anchors_are_unique_on_a_page(pages: dict[str, Page]) -> None:
    for name, page in pages.items():
        assert len(page.anchors) == len(set(page.anchors)), name


def test_every_route_is_in_the_reference() -> None:
    from craftkit.openapi import ROUTES

    text = text_of("api")
    for route in ROUTES:
        assert f"`{route.method} {route.path}`" in text


@pytest.mark.parametrize(("name", "block"), samples("json"))
def test_json_samples_are_valid(name: str, block: str) -> None:
    json.loads(re.sub(r",?\s*…", "", block))


@pytest.mark.parametrize(("name", "block"), samples("python"))
def test_python_samples_are_valid(name: str, block: str) -> None:
    ast.parse(block.replace("…", "None"))


def commands() -> list[tuple[str, str]]:
    return [
        (name, line.partition(" < ")[0].partition(" #")[0])
        for name, block in [*samples("sh"), *samples("")]
        for line in block.replace("\\\n", " ").splitlines()
        if line.startswith("craftkit ")
    ]


@pytest.mark.parametrize(("name", "command"), commands())
def test_every_craftkit_command_in_the_docs_parses(name: str, command: str) -> None:
    parser().parse_args(shlex.split(command)[1:])


def test_every_page_of_the_documentation_is_in_a_chapter() -> None:
    assert {page.stem for page in DOCS.glob("*.md")} <= {
        name for names in CHAPTERS.values() for name in names
    }
