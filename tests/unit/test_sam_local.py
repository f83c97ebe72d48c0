"""What `make invoke` and `make sam-api` do before and around `sam local`."""

import json
import re
from http.client import HTTPConnection
from pathlib import Path

import pytest
import pytest_socket

from deployment.workspace import TaskError
from local import docker
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
    filled = json.loads(docker.fill_event(event, STACK))
    assert filled["headers"]["Authorization"] == "Bearer ck_test_mine"
    assert filled["requestContext"]["authorizer"]["projectId"] == STACK.project_id


@pytest.mark.parametrize(
    "file", sorted((ROOT / "events").glob("*.json")), ids=lambda file: file.stem
)
def test_invoke__no_event_keeps_the_examples_project_or_key(file: Path) -> None:
    filled = docker.fill_event(file.read_text(encoding="utf-8"), STACK)
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
