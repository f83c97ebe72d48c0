"""The way to the first document: steps, the call that writes a file, and the page that arrives."""

import json
import re
import shlex
from typing import Any

import pytest

from craftkit.keys import service as keys
from craftkit.keys.models import NewKey
from craftkit.projects.models import Project
from craftkit.renders import lifecycle
from craftkit.renders import service as renders
from craftkit.renders.models import Render, RenderList, RenderRequest
from craftkit.templates import service as templates
from craftkit.templates.data import preview_data
from craftkit.templates.starter import publish_starter
from dashboard import samples
from testkit.clock import FrozenClock
from testkit.compiler import Compiler
from testkit.visitor import Visitor
from tests.functional.dashboard.users import ADA


def path(project: Project, rest: str = "") -> str:
    return f"/dashboard/projects/{project.id}{rest}"


@pytest.fixture
def started(project: Project, compiler: Compiler) -> Project:
    """A new project with the gallery's invoice and a test key."""
    publish_starter(project.id, by=ADA.sub, typeset=compiler.typeset)
    keys.create_key(project.id, NewKey(name="First", mode="test"), by=ADA.sub)
    return project


def succeed(render: Render, clock: FrozenClock) -> None:
    held = lifecycle.claim(render.project_id, render.id, clock())
    lifecycle.succeed(held, now=clock(), page_count=1, size_bytes=9, sha256="x", warnings=())


def test_sample__has_the_whole_data_of_the_gallery_and_writes_a_file(
    ada: Visitor, started: Project
) -> None:
    version = templates.current_version(started.id, "invoice")
    curl = dict(samples.render(version, "ck_test_key"))["curl"]
    words = shlex.split(curl.replace("\\\n", " "))
    assert words[words.index("-o") + 1] == "invoice.pdf"
    assert "Accept: application/pdf" in words
    sent = RequestBody(words[words.index("-d") + 1])
    assert sent.data == gallery_data(started)
    assert {"number", "date", "dueDate", "customer", "items"} <= set(sent.data)


def test_render_now__and_the_steps_tick_while_the_page_is_open(
    clock: FrozenClock, ada: Visitor, started: Project
) -> None:
    page = ada.get(path(started))
    assert "Render now" in page.words
    asked = re.findall(r'hx-get="([^"]*/start[^"]*)"', page.text)[0].replace("&amp;", "&")
    assert ada.get(asked, hx_request="true").status == 204
    page = ada.follow(ada.post(path(started, "/start")))
    assert "is being rendered" in page.words
    (render,) = renders.list_renders(started.id, RenderList(limit=5)).renders
    assert ada.get(asked, hx_request="true").status == 200
    found = renders.get_render(started.id, render.id)
    assert (found.mode, found.template_slug) == ("test", "invoice")
    succeed(found, clock)
    part = ada.get(asked, hx_request="true")
    assert part.text.count('class="done"') == 3
    assert f"/renders/{render.id}/pages" in part.text
    assert "every 2s" not in part.text


def test_start__ticks_whoever_made_the_call(
    clock: FrozenClock, ada: Visitor, started: Project
) -> None:
    (key,), _ = keys.list_keys(started.id)
    data = gallery_data(started)
    render, _ = renders.create_render(
        key.principal, "invoice", RenderRequest(data=data), base_url="http://x"
    )
    succeed(render, clock)
    part = ada.get(path(started, "/start"), hx_request="true")
    assert part.text.count('class="done"') == 3


def test_render_now__without_a_test_key_says_what_is_missing(
    ada: Visitor, project: Project, compiler: Compiler
) -> None:
    assert "Publish a template first" in ada.post(path(project, "/start")).words
    publish_starter(project.id, by=ADA.sub, typeset=compiler.typeset)
    keys.create_key(project.id, NewKey(name="Live", mode="live"), by=ADA.sub)
    answer = ada.post(path(project, "/start"))
    assert answer.status == 409
    assert "no active test key" in answer.words
    assert renders.list_renders(project.id, RenderList(limit=5)).renders == []


def gallery_data(project: Project) -> dict[str, Any]:
    return preview_data(templates.current_version(project.id, "invoice").manifest)


class RequestBody:
    """The body of a sample."""

    def __init__(self, text: str) -> None:
        self.data = json.loads(text)["data"]
