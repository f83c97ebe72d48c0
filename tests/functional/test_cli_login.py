"""Commands of a machine that is logged in, and of one without a key and AWS credentials."""

import io
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_socket

from craftkit_cli import federation, logins
from craftkit_cli import main as cli
from craftkit_cli.logins import Login
from tests.sdks.stub import Stub

LOGIN = Login(
    project_id="019cec2a-0000-7000-8000-000000000001",
    project_name="Invoicing",
    mode="test",
    key="ck_test_x",
    key_id="019cec2a-1000-7000-8000-000000000001",
    api_url="https://api.example.com",
    expires_at=(datetime.now(UTC) + timedelta(days=1)).isoformat(),
)
OTHER = replace(LOGIN, project_id="019cec2a-0000-7000-8000-000000000002", project_name="Letters")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for the command's settings, and no stack around."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("CRAFTKIT_API_KEY", "CRAFTKIT_PROJECT", "CRAFTKIT_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("craftkit_cli.api.local_stack", lambda: None)
    return tmp_path


@pytest.fixture
def stub() -> Iterator[Stub]:
    pytest_socket.enable_socket()
    made = Stub()
    yield made
    made.stop()
    pytest_socket.disable_socket(allow_unix_socket=True)


def craftkit(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    capsys.readouterr()
    code = cli.main(words)
    out, failed = capsys.readouterr()
    return code, json.loads(out if code == 0 else failed)


def test_render__uses_the_key_of_the_default_project(
    stub: Stub, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    logins.add(OTHER)
    logins.add(replace(LOGIN, api_url=stub.url))
    assert craftkit(capsys, "render", "invoice")[0] == 0
    monkeypatch.setenv("CRAFTKIT_PROJECT", OTHER.project_id)
    logins.add(replace(OTHER, api_url=stub.url, key="ck_test_other"))
    assert craftkit(capsys, "render", "invoice")[0] == 0


def test_render__an_expired_login_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    logins.add(replace(LOGIN, expires_at="2026-01-01T00:00:00Z"))
    code, failed = craftkit(capsys, "render", "invoice")
    assert (code, failed["error"]["code"]) == (1, "missing_authorization")
    assert failed["error"]["message"] == (
        "The login to Invoicing has expired. Run `craftkit login` again."
    )


def test_projects__the_default_is_the_last_login_until_another_is_chosen(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logins.add(LOGIN)
    logins.add(OTHER)

    def default() -> list[str]:
        found = craftkit(capsys, "projects", "list")[1]["projects"]
        return [each["name"] for each in found if each["isDefault"]]

    assert default() == ["Letters"]
    assert craftkit(capsys, "projects", "use", LOGIN.project_id)[0] == 0
    assert default() == ["Invoicing"]
    assert craftkit(capsys, "logout", "--project", LOGIN.project_id)[0] == 0
    assert default() == ["Letters"]
    code, failed = craftkit(capsys, "projects", "use", LOGIN.project_id)
    assert (code, failed["error"]["code"]) == (1, "not_logged_in")


def test_login__with_an_oidc_token(
    stub: Stub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []

    def exchange(token: str, project: str, _environment: Any) -> tuple[dict[str, Any], str]:
        sent.append((token, project))
        return {"access_token": "ck_test_short", "expires_in": 900}, stub.url

    monkeypatch.setattr("craftkit_cli.login.exchange", exchange)
    monkeypatch.setattr(sys, "stdin", io.StringIO("a.b.c\n"))
    code, shown = craftkit(capsys, "login", "--token", "-", "--project", LOGIN.project_id)
    assert code == 0, shown
    assert sent == [("a.b.c", LOGIN.project_id)]
    assert shown["isDefault"]
    life = datetime.fromisoformat(shown["expiresAt"]) - datetime.now(UTC)
    assert timedelta(minutes=14) < life <= timedelta(minutes=15)
    code, failed = craftkit(capsys, "login", "--token", "-")
    assert (code, "--project" in failed["error"]["message"]) == (1, True)
    assert federation.DEFAULT_BASE_URL


@pytest.mark.parametrize(
    "words", [("keys", "list", "--project", "x"), ("projects", "members", "--project", "x")]
)
def test_what_needs_aws__says_so_in_one_sentence(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("craftkit_cli.stack.local_stack", lambda _stage: None)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)  # an earlier test's has credentials
    code, failed = craftkit(capsys, "--stage", "dev", *words)
    assert (code, failed["error"]["code"]) == (1, "aws_credentials_missing")
    assert "needs AWS credentials: set AWS_PROFILE and AWS_REGION" in failed["error"]["message"]
    assert failed["error"]["message"].count(". ") == 0
