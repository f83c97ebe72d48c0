"""`craftkit login`: the pages that give the command a key, and the command itself."""

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from html import unescape
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
import pytest_socket

from craftkit.auth.principal import DEFAULT_SCOPES
from craftkit.clock import utc_now
from craftkit.keys import policies
from craftkit.keys import service as keys
from craftkit.projects import members
from craftkit.projects.models import KeyPolicy, Project
from craftkit_cli import login as login_command
from craftkit_cli import main as cli
from testkit.clock import FrozenClock
from testkit.cloud import Cloud
from testkit.visitor import Page, Visitor, dashboard_event
from tests.functional.dashboard.users import BOB

VERIFIER = "v" * 64
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
REQUEST = {"port": "49152", "state": "s" * 32, "challenge": CHALLENGE, "machine": "laptop"}


def connect(visitor: Visitor, project: Project, **changes: str) -> Page:
    """The response to the form of a project on the page that the command opens."""
    page = visitor.get(f"/dashboard/connect?{urlencode(REQUEST | changes)}")
    assert page.status == 200, page.words
    return visitor.post(f"/dashboard/projects/{project.id}/connect", form_of(page, project))


def form_of(page: Page, project: Project) -> dict[str, str]:
    (form,) = re.findall(
        rf'<form[^>]*action="[^"]*/projects/{project.id}/connect".*?</form>', page.text, re.S
    )
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
    return {name: value for name, value in hidden.items() if name != "csrf"} | {"mode": "test"}


def address_of(visitor: Visitor, answer: Page) -> str:
    """Where the page after the form sends the browser."""
    page = visitor.follow(answer)
    (address,) = re.findall(r'http-equiv="refresh" content="0;url=([^"]+)"', page.text)
    return unescape(address)


def code_of(visitor: Visitor, project: Project) -> str:
    address = address_of(visitor, connect(visitor, project))
    return parse_qs(urlsplit(address).query)["code"][0]


def hand_over(visitor: Visitor, code: str, verifier: str = VERIFIER) -> tuple[int, Any]:
    headers = {"x_craftkit_code": code, "x_craftkit_verifier": verifier}
    page = visitor.get("/dashboard/connect/key", **headers)
    return page.status, json.loads(page.content)


def test_connect__the_command_gets_a_key_of_the_project_for_90_days(
    ada: Visitor, project: Project, cloud: Cloud
) -> None:
    address = address_of(ada, connect(ada, project))
    parts = urlsplit(address)
    sent = parse_qs(parts.query)
    assert (parts.scheme, parts.netloc) == ("http", "127.0.0.1:49152")
    assert sent["state"] == [REQUEST["state"]]
    assert "ck_" not in address
    status, handed = hand_over(Visitor(cloud), sent["code"][0])
    (kept,) = keys.list_keys(project.id)[0]
    assert status == 200
    assert (handed["projectId"], handed["projectName"]) == (project.id, "Invoicing")
    assert (handed["mode"], handed["keyId"], kept.name) == ("test", kept.id, "craftkit on laptop")
    assert handed["apiUrl"] == cloud.environment("DashboardFunction")["API_URL"]
    assert kept.scopes == DEFAULT_SCOPES
    assert kept.expires_at is not None
    assert timedelta(days=89) < kept.expires_at - utc_now() <= timedelta(days=90)
    diagnosis = keys.diagnose(handed["key"])
    assert diagnosis.project_id == project.id


def test_connect__without_the_secret_of_the_command_the_code_is_of_no_use(
    ada: Visitor, project: Project
) -> None:
    code = code_of(ada, project)
    for wrong_code, verifier in ((code, "w" * 64), (code, ""), ("x", VERIFIER), ("", VERIFIER)):
        status, refused = hand_over(ada, wrong_code, verifier)
        assert (status, refused["error"]["code"]) == (400, "invalid_request")
        assert "craftkit login" in refused["error"]["message"]


def test_connect__a_code_is_valid_for_two_minutes(
    clock: FrozenClock, ada: Visitor, project: Project
) -> None:
    code = code_of(ada, project)
    clock.advance(seconds=121)
    assert hand_over(ada, code)[0] == 400


def test_connect__sending_the_form_twice_creates_one_key(ada: Visitor, project: Project) -> None:
    form = form_of(ada.get(f"/dashboard/connect?{urlencode(REQUEST)}"), project)
    path = f"/dashboard/projects/{project.id}/connect"
    address_of(ada, ada.post(path, form))
    again = ada.follow(ada.post(path, form))
    assert len(keys.list_keys(project.id)[0]) == 1
    assert again.location.endswith("/keys")


@pytest.mark.parametrize(
    "changes",
    [
        {"port": "80"},
        {"port": "x"},
        {"state": "short"},
        {"challenge": "short"},
        {"machine": '"><script>'},
        {"challenge": ""},
    ],
)
def test_connect__a_malformed_request_creates_nothing(
    ada: Visitor, project: Project, changes: dict[str, str]
) -> None:
    assert ada.get(f"/dashboard/connect?{urlencode(REQUEST | changes)}").status == 400
    answer = ada.post(f"/dashboard/projects/{project.id}/connect", REQUEST | changes)
    assert answer.status == 400
    assert keys.list_keys(project.id)[0] == []


def test_connect__a_viewer_sees_no_project_and_is_refused(
    ada: Visitor, bob: Visitor, project: Project
) -> None:
    members.add_member(project.id, BOB, "viewer", by="test")
    members.accept(BOB, project.id)
    page = bob.get(f"/dashboard/connect?{urlencode(REQUEST)}")
    assert "There is no project to connect to" in page.words
    assert bob.post(f"/dashboard/projects/{project.id}/connect", REQUEST).status == 403
    assert keys.list_keys(project.id)[0] == []


def test_connect__who_is_not_signed_in_comes_back_after_the_sign_in(cloud: Cloud) -> None:
    answer = Visitor(cloud).get(f"/dashboard/connect?{urlencode(REQUEST)}")
    assert answer.status == 303
    to = parse_qs(urlsplit(answer.location).query)["to"][0]
    assert to.startswith("/dashboard/connect?")
    from dashboard.pages import sign_in

    assert sign_in._safe(to) == to


@pytest.fixture
def dashboard(cloud: Cloud) -> Iterator[str]:
    """The dashboard's address on loopback."""
    pytest_socket.enable_socket()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = cloud.invoke("dashboard", dashboard_event("GET", self.path, headers))
            self.send_response(answer["statusCode"])
            self.end_headers()
            self.wfile.write(answer["body"].encode())

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()
    pytest_socket.disable_socket(allow_unix_socket=True)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the command's settings, and no stack around."""
    monkeypatch.setattr("craftkit_cli.logins._file", lambda: tmp_path / "craftkit" / "logins.json")
    monkeypatch.setattr("craftkit_cli.api.local_stack", lambda: None)
    monkeypatch.setattr("craftkit_cli.login.local_stack", lambda: None)
    return tmp_path / "craftkit" / "logins.json"


def craftkit(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    capsys.readouterr()
    code = cli.main(words)
    out, failed = capsys.readouterr()
    return code, json.loads(out if code == 0 else failed)


@pytest.fixture
def browser(ada: Visitor, project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """A browser in which Ada connects the project; the statuses of the command's answers."""
    statuses: list[int] = []
    threads: list[Thread] = []

    def visit(address: str) -> None:
        parts = urlsplit(address)
        form = form_of(ada.get(f"{parts.path}?{parts.query}"), project)
        answer = ada.post(f"/dashboard/projects/{project.id}/connect", form)
        back = address_of(ada, answer)
        forged = re.sub(r"state=[\w-]+", "state=forged", back)
        statuses.extend(httpx.get(each).status_code for each in (forged, back))

    def open_browser(address: str) -> bool:
        threads.append(Thread(target=visit, args=(address,)))
        threads[-1].start()
        return True

    monkeypatch.setattr(login_command.webbrowser, "open", open_browser)
    yield statuses
    for thread in threads:
        thread.join()


def test_login__by_browser_makes_the_project_the_default(
    dashboard: str,
    browser: list[int],
    home: Path,
    project: Project,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, shown = craftkit(capsys, "login", dashboard)
    assert code == 0, shown
    assert browser == [400, 200]
    assert (shown["id"], shown["name"], shown["mode"]) == (project.id, "Invoicing", "test")
    assert "key" not in shown
    assert home.stat().st_mode & 0o777 == 0o600
    assert home.parent.stat().st_mode & 0o777 == 0o700
    (stored,) = json.loads(home.read_text())["logins"]
    assert keys.diagnose(stored["key"]).project_id == project.id
    assert craftkit(capsys, "projects", "list")[1]["projects"] == [shown]
    assert craftkit(capsys, "projects", "use", project.id)[0] == 0
    assert craftkit(capsys, "logout")[1]["projectId"] == project.id
    assert craftkit(capsys, "projects", "list")[1] == {"projects": []}
    code, failed = craftkit(capsys, "logout")
    assert (code, failed["error"]["code"]) == (1, "not_logged_in")


def test_login__without_an_address_says_what_to_give(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, failed = craftkit(capsys, "login")
    assert (code, failed["error"]["code"]) == (1, "invalid_request")
    assert "craftkit login https://" in failed["error"]["message"]
    code, failed = craftkit(capsys, "login", "http://app.example.com")
    assert "must begin with https://" in failed["error"]["message"]


def test_connect__a_key_lives_no_longer_than_the_projects_policy_allows(
    ada: Visitor, project: Project
) -> None:
    policies.set_key_policy(project.id, KeyPolicy(longest_life_days=30), by="test")
    address_of(ada, connect(ada, project))
    (kept,) = keys.list_keys(project.id)[0]
    assert kept.expires_at is not None
    assert kept.expires_at - utc_now() <= timedelta(days=30)
