"""The log line of a response."""

import json
from typing import Any

import pytest

from testkit.project import DATA, DemoProject


def last_line(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    captured = capsys.readouterr()
    return dict(json.loads((captured.out + captured.err).splitlines()[-1]))


def test_answered__a_success_has_the_request_id_and_no_other_id(
    call: Any, project: DemoProject, capsys: pytest.CaptureFixture[str]
) -> None:
    """The gateway's access log has the ids of project and key with the same request id."""
    answer = call("create_render", project, body={"data": DATA})
    line = last_line(capsys)
    assert (line["message"], line["status"]) == ("answered", 202)
    assert line["request_id"] == answer.headers["x-request-id"]
    assert not {"project_id", "key_id"} & set(line)


def test_answered__a_refusal_has_the_ids_of_project_and_key(
    call: Any, project: DemoProject, capsys: pytest.CaptureFixture[str]
) -> None:
    call("get_render", project, path={"id": "unknown"})
    line = last_line(capsys)
    assert (line["status"], line["code"]) == (404, "not_found")
    assert line["project_id"] == project.id
    assert line["key_id"] == project.key.key.id
