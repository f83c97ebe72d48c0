"""What `make invoke` and `make sam-api` do before and around `sam local`."""

import json
import os
import re
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
import pytest_socket

from deployment import build
from deployment.workspace import TaskError
from local import deploy, docker, event_values
from local.__main__ import _parser
from local.stack import Stack
from testkit.template import ROOT

STACK = Stack(
    api_url="http://localhost:3000",
    aws_endpoint_url="http://127.0.0.1:4566",
    stage="local",
    project_id="01a20f17-0000-7000-8000-000000000001",
    live_key="ck_live_mine",
    test_key="ck_test_mine",
    dashboard_user=None,
)


@pytest.mark.parametrize("name", [None, "render"])
def test_invoke__without_a_function_of_this_name_lists_the_names(name: str | None) -> None:
    with pytest.raises(TaskError, match="create_render, create_template_version"):
        docker.event_file(name)


def test_invoke__the_event_has_the_running_stacks_project_and_key() -> None:
    event = docker.event_file("create_render").read_text(encoding="utf-8")
    filled = json.loads(event_values.fill(event, STACK))
    assert filled["headers"]["Authorization"] == "Bearer ck_test_mine"
    assert filled["requestContext"]["authorizer"]["projectId"] == STACK.project_id


@pytest.mark.parametrize(
    "file", sorted((ROOT / "events").glob("*.json")), ids=lambda file: file.stem
)
def test_invoke__no_event_keeps_the_examples_project_or_key(file: Path) -> None:
    filled = event_values.fill(file.read_text(encoding="utf-8"), STACK)
    json.loads(filled)
    assert set(re.findall(r"Bearer (ck_\w+)", filled)) <= {STACK.test_key}
    projects = re.findall(r'"projectId": "([^"]+)"', filled)
    assert set(projects) <= {STACK.project_id}


def test_sam_local__passes_only_variables_of_docker_and_sam(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SAM_SKIP_PULL_IMAGE", "1")
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/docker.sock")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    passed = docker.passed_variables()
    assert passed["SAM_SKIP_PULL_IMAGE"] == "1"
    assert passed["DOCKER_HOST"] == "unix:///run/docker.sock"
    assert "AWS_SECRET_ACCESS_KEY" not in passed


def test_sam_local__concurrent_commands_have_separate_relays() -> None:
    pytest_socket.enable_socket()
    relays = [docker.open_relay("127.0.0.1", ("127.0.0.1", 9)) for _ in range(2)]
    try:
        assert relays[0].port != relays[1].port
        for relay in relays:
            connection = HTTPConnection("127.0.0.1", relay.port, timeout=30)
            connection.request("GET", "/")
            assert connection.getresponse().status >= 500
            connection.close()
    finally:
        for relay in relays:
            relay.stop()
        pytest_socket.disable_socket(allow_unix_socket=True)


def test_sam_local__an_address_of_another_machine_is_named() -> None:
    pytest_socket.enable_socket()
    with pytest.raises(TaskError, match=r"192\.0\.2\.1 is not an address of this machine"):
        docker.open_relay("192.0.2.1", ("127.0.0.1", 9))
    pytest_socket.disable_socket(allow_unix_socket=True)


@pytest.mark.parametrize(
    ("printed", "failure"),
    [
        ('{"statusCode": 202, "body": ""}\n', None),
        ('\n{"findings": []}', None),
        ("null", None),
        ("", None),
        ('{"statusCode": 404}', "the response has the status 404"),
        ('{"errorType": "KeyError", "errorMessage": "\'id\'"}', "KeyError: 'id'"),
        ("Timed out", "this is no response: Timed out"),
    ],
)
def test_invoke__an_error_of_the_function_is_a_failure_of_the_command(
    printed: str, failure: str | None
) -> None:
    assert docker.failure_of("get_render", printed) == failure


def test_invoke__a_response_that_cannot_be_another_one_here_is_no_failure() -> None:
    assert docker.failure_of("cancel_render", '{"statusCode": 409}') is None
    assert docker.failure_of("cancel_render", '{"statusCode": 404}')
    assert docker.failure_of("reject_method", '{"statusCode": 200}')
    assert all(reason for _, reason in event_values.EXPECTED.values())


def test_invoke__the_deployment_hook_says_why_it_cannot_run_here() -> None:
    with pytest.raises(TaskError, match=r"check_deployment cannot run here: CodeDeploy calls it"):
        docker.invoke("check_deployment")


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The arguments of `sam local`, which is not run."""
    seen: list[tuple[Any, ...]] = []

    def run(*arguments: str, **how: Any) -> str:
        seen.append((*arguments, how))
        return ""

    monkeypatch.setattr(docker, "_sam_local", run)
    return seen


def test_sam_api__keeps_a_container_for_the_next_call_unless_told_otherwise(
    commands: list[tuple[Any, ...]],
) -> None:
    docker.serve(None)
    docker.serve(3100, ["--warm-containers", "EAGER"])
    docker.serve(3100, ["--warm-containers=EAGER"])
    first, *others = commands
    assert first[:5] == ("start-api", "--port", "3002", "--warm-containers", "LAZY")
    assert all("LAZY" not in other for other in others)
    assert {each[-1]["without"] for each in commands} == {"DashboardFunction"}


def test_sam_api__addresses_for_callers_and_browsers_are_on_its_own_port() -> None:
    """The embedded page needs another origin than the page around it."""
    addresses = docker.public_addresses(3002)
    assert addresses == {
        "PUBLIC_URL": "http://localhost:3002",
        "EMBED_ORIGIN": "http://127.0.0.1:3002",
    }

    class Functions:
        def get_function_configuration(self, FunctionName: str) -> Any:  # noqa: N803
            variables = {"PUBLIC_URL": "http://localhost:3000"} if FunctionName == "a-1" else {}
            return {"Environment": {"Variables": variables | {"STAGE": "local"}}}

    class Deployed:
        endpoint = "http://127.0.0.1:4566"

        def client(self, _service: str) -> Functions:
            return Functions()

        def physical_ids(self, _kind: str) -> dict[str, str]:
            return {"A": "a-1", "B": "b-1"}

    with TemporaryDirectory() as folder:
        file = docker.write_environment(
            cast(docker.Deployed, Deployed()), Path(folder) / "env.json", None, addresses
        )
        written = json.loads(file.read_text(encoding="utf-8"))
    assert written["A"]["PUBLIC_URL"] == "http://localhost:3002"
    assert "PUBLIC_URL" not in written["B"]
    assert written["B"]["AWS_ENDPOINT_URL"] == "http://172.17.0.1:4566"


@pytest.mark.parametrize("command", ["sam-api", "dev"])
def test_make__a_port_of_the_embedded_aws_is_accepted(command: str) -> None:
    assert _parser().parse_args([command, "--port", "3002", "--aws-port", "4567"]).aws_port == 4567


def test_build__later_builds_do_not_delete_one_that_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "LOCAL_BUILDS", tmp_path)
    for number in range(4):
        made = tmp_path / str(number)
        made.mkdir()
        (made / "finished.txt").touch()
        os.utime(made, (number, number))
    monkeypatch.setattr(build, "build_for_host", lambda: tmp_path / "0")
    with build.kept_build() as used:
        build._forget_old_builds()
        assert used.exists()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "2", "3"]
    build._forget_old_builds()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2", "3"]


def test_deploy__a_stage_on_this_machine_names_no_public_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[dict[str, str]] = []

    def parameters_of(_template: Path, known: dict[str, str]) -> dict[str, str]:
        given.append(known)
        raise InterruptedError

    monkeypatch.setattr(deploy, "parameters_of", parameters_of)
    monkeypatch.setattr(deploy, "built_template", lambda *_: Path())
    with pytest.raises(InterruptedError):
        deploy.deploy(
            Path(), "local", endpoint="http://127.0.0.1:4566",
            public_url="http://localhost:3000", home=Path(),
        )  # fmt: skip
    hosts = {urlsplit(value).hostname for value in given[0].values() if "://" in value}
    assert hosts == {"127.0.0.1", "localhost", "scanner-keys.invalid"}
