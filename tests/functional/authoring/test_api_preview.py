"""`craftkit templates dev` where Typst is not installed: through the API's handlers."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import unquote

import boto3
import httpx
import pytest
import pytest_socket

from craftkit.auth.principal import Principal
from craftkit.renders.models import Render
from craftkit.templates import service
from craftkit.typesetter import SourceError
from craftkit_cli import main as cli
from craftkit_cli.api import FromApiError
from craftkit_cli.authoring import commands, watching
from craftkit_cli.authoring.api_preview import ApiPreview
from craftkit_cli.authoring.folder import read_template
from craftkit_sdk import Craftkit
from testkit.cloud import Cloud
from testkit.project import DemoProject
from typesetting import typeset
from typesetting.files import with_images
from typesetting.worker import render_document

SCOPES = frozenset({"templates:read", "templates:write", "renders:write", "renders:read"})


class Token:
    def __init__(self, project: DemoProject, scopes: frozenset[str] = SCOPES) -> None:
        self.id = project.id
        self.principal: Principal = replace(project.principal, scopes=scopes)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "letter"
    assert cli.main(["templates", "new", str(made), "--from", "letter"]) == 0
    return made


@pytest.fixture
def client_of(
    cloud: Cloud, call: Any, project: DemoProject, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """A client of the handlers, with a worker that is always free."""
    module = cloud.module("create_template_version")
    monkeypatch.setattr(module, "typeset_remotely", lambda job: typeset(with_images(job)))

    def work(render: Render) -> Render | None:
        return render_document(render.project_id, render.id, typeset=typeset)

    monkeypatch.setattr("craftkit.renders.dispatch.call", work)

    def client(scopes: frozenset[str] = SCOPES) -> Craftkit:
        token = Token(project, scopes)

        def respond(request: httpx.Request) -> httpx.Response:
            _, first, *rest = request.url.path.split("/")
            if first != "v1":
                bucket = cloud.names["DocumentsBucket"]
                key = unquote(request.url.path).removeprefix(f"/{bucket}").removeprefix("/")
                found = boto3.client("s3").get_object(Bucket=bucket, Key=key)
                return httpx.Response(200, content=found["Body"].read())
            _, slug, *below = rest
            path = {"slug": slug} | ({"number": below[1]} if len(below) > 1 else {})
            name = {
                ("GET", 1): "list_template_versions",
                ("GET", 2): "get_template_version",
                ("POST", 1): "create_template_version",
            }[request.method, len(below)]
            if below == ["render"]:
                name = "create_render"
            how = {"body": json.loads(request.content)} if request.content else {}
            answer = call(name, token, path=path, headers=dict(request.headers), **how)
            return httpx.Response(answer.status, json=answer.body)

        transport = httpx.MockTransport(respond)
        return Craftkit("ck_test_x", http_client=httpx.Client(transport=transport))

    return client


def test_draw__the_pages_are_pictures_and_renders_use_the_published_version(
    client_of: Any, folder: Path, project: DemoProject
) -> None:
    template = read_template(folder)
    draw = ApiPreview(client_of()).draw
    drawn = draw(template, template.data_sets["data"])
    assert drawn.page_count == len(drawn.pages) == 1
    assert drawn.pages[0].startswith(b"\x89PNG")
    again = draw(template, template.data_sets["data"])
    assert again.page_count == 1
    assert [each.number for each in service.list_versions(project.id, "letter")] == [1]
    assert service.get_template(project.id, "letter").latest_version is None


def test_draw__several_pages_are_in_their_order(client_of: Any, folder: Path) -> None:
    source = "= One\n" + "".join(f"#pagebreak()\nPage {number}\n" for number in range(2, 12))
    template = replace(read_template(folder), source=source)
    drawn = ApiPreview(client_of()).draw(template, template.data_sets["data"])
    assert drawn.page_count == len(drawn.pages) == 11
    assert len(set(drawn.pages)) == 11


def test_draw__an_error_of_the_source_has_its_line_and_column(client_of: Any, folder: Path) -> None:
    template = replace(read_template(folder), source="= One\n#monney(1)")
    with pytest.raises(SourceError, match="monney") as caught:
        ApiPreview(client_of()).draw(template, template.data_sets["data"])
    assert (caught.value.line, caught.value.column) == (2, 2)


def test_draw__a_key_without_the_scope_is_refused_in_the_apis_words(
    client_of: Any, folder: Path
) -> None:
    template = read_template(folder)
    client = client_of(SCOPES - {"templates:write"})
    with pytest.raises(FromApiError, match=r"templates:write"):
        ApiPreview(client).draw(template, template.data_sets["data"])


def test_dev__without_typst_the_api_draws_and_without_a_key_the_command_says_so(
    client_of: Any, monkeypatch: pytest.MonkeyPatch, folder: Path, capsys: Any
) -> None:
    monkeypatch.setattr(commands, "missing_packages", lambda: ["typst"])
    monkeypatch.setattr("craftkit_cli.api.connect", client_of)
    draw, words = commands._draw()
    assert "through the API, because typst is not installed" in words
    template = read_template(folder)
    assert draw(template, template.data_sets["data"]).page_count == 1
    monkeypatch.undo()
    monkeypatch.setattr(commands, "missing_packages", lambda: ["typst"])
    monkeypatch.setattr("craftkit_cli.api.local_stack", lambda: None)
    monkeypatch.setattr("craftkit_cli.logins._file", lambda: folder / "none")
    monkeypatch.delenv("CRAFTKIT_API_KEY", raising=False)
    assert cli.main(["templates", "dev", str(folder)]) == 1
    assert "missing_authorization" in capsys.readouterr().err


@pytest.fixture
def scanning(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    pytest_socket.enable_socket()
    monkeypatch.setattr(watching, "find_spec", lambda _name: None)
    yield
    pytest_socket.disable_socket(allow_unix_socket=True)


def test_watching__without_watchfiles_the_files_are_read_in_turn(
    folder: Path, scanning: None
) -> None:
    stopped, seen = Event(), list[object]()

    def watch() -> None:
        for each in watching.changes(folder, stopped):
            seen.append(each)

    thread = Thread(target=watch)
    thread.start()
    time.sleep(0.1)
    (folder / "pages").mkdir()
    (folder / "pages" / "1.png").write_bytes(b"x")
    time.sleep(0.6)
    assert seen == []
    (folder / "source.typ").write_text("= Another")
    deadline = time.monotonic() + 10
    while not seen and time.monotonic() < deadline:
        time.sleep(0.05)
    stopped.set()
    thread.join()
    assert len(seen) == 1
