"""`craftkit hooks|webhooks|audit|renders …` against the stack in moto."""

import io
import json
from typing import Any

import pytest

from craftkit_cli import main as cli
from testkit.cloud import Cloud
from testkit.project import DATA, DemoProject
from testkit.streams import Stream

URL = "http://localhost:9/hook"


@pytest.fixture
def craftkit(
    cloud: Cloud, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Any:
    """`craftkit("webhooks", "list", …)`: what it printed, or the code of its refusal."""
    monkeypatch.setattr(cli, "connect", lambda _stage: "arn:aws:iam::123456789012:user/ada")
    monkeypatch.setattr("craftkit.network._addresses", lambda *_: ["127.0.0.1"])

    def run(*words: str) -> Any:
        monkeypatch.setattr("sys.stdin", io.StringIO())
        capsys.readouterr()
        exit_code = cli.main(["--stage", "local", *words])
        printed = capsys.readouterr()
        if exit_code:
            return json.loads(printed.err)["error"]["code"]
        return json.loads(printed.out)

    return run


@pytest.fixture
def endpoint(craftkit: Any, project: DemoProject) -> Any:
    return craftkit("webhooks", "create", "--project", project.id, "--url", URL)


def test_hooks__create_list_off_on_and_rotate(
    craftkit: Any, project: DemoProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--project", project.id)
    made = craftkit("hooks", "create", *words, "--slug", "invoice", "--key", project.key.key.id)
    assert made["url"] == f"http://localhost:3000/v1/hooks/{made['token']}"
    assert made["requiresSignature"] is False
    assert made["secret"]
    assert craftkit("hooks", "off", made["id"], *words)["isOn"] is False
    assert craftkit("hooks", "on", made["id"], *words)["isOn"] is True
    rotated = craftkit("hooks", "rotate", made["id"], *words)
    assert rotated["token"] != made["token"]
    listed = json.dumps(craftkit("hooks", "list", *words))
    assert made["id"] in listed
    for secret in (made["token"], made["secret"], rotated["token"], rotated["secret"]):
        assert secret not in listed


def test_hooks__with_require_signature(craftkit: Any, project: DemoProject) -> None:
    made = craftkit(
        "hooks", "create", "--project", project.id, "--slug", "invoice",
        "--key", project.key.key.id, "--require-signature",
    )  # fmt: skip
    assert made["requiresSignature"] is True


def test_webhooks__the_secret_is_shown_once(
    craftkit: Any, project: DemoProject, endpoint: Any
) -> None:
    assert endpoint["secret"].startswith("whsec_")
    listed = craftkit("webhooks", "list", "--project", project.id)
    assert [each["id"] for each in listed["endpoints"]] == [endpoint["id"]]
    assert endpoint["secret"] not in json.dumps(listed)


def test_webhooks__change_rotate_off_on_and_delete(
    craftkit: Any, project: DemoProject, endpoint: Any
) -> None:
    words = (endpoint["id"], "--project", project.id)
    changed = craftkit("webhooks", "change", *words, "--url", URL, "--event", "render.failed")
    assert changed["events"] == ["render.failed"]
    rotated = craftkit("webhooks", "rotate", *words, "--overlap", "1h")
    assert rotated["secret"] != endpoint["secret"]
    assert craftkit("webhooks", "off", *words)["disabledAt"]
    assert craftkit("webhooks", "ping", *words) == "conflict"
    assert craftkit("webhooks", "on", *words)["disabledAt"] is None
    assert craftkit("webhooks", "delete", *words)["deleted"] is True
    assert craftkit("webhooks", "delete", *words) == "not_found"


def test_webhooks__ping_deliveries_delivery_and_replay(
    craftkit: Any, project: DemoProject, endpoint: Any
) -> None:
    words = ("--project", project.id)
    ping = craftkit("webhooks", "ping", endpoint["id"], *words)
    assert (ping["eventType"], ping["status"]) == ("ping", "pending")
    listed = craftkit("webhooks", "deliveries", *words)["deliveries"]
    assert [each["id"] for each in listed] == [ping["id"]]
    one = craftkit("webhooks", "delivery", ping["id"])
    assert json.loads(one["payload"])["type"] == "ping"
    assert craftkit("webhooks", "replay", ping["id"])["status"] == "pending"
    range_ = ("--endpoint", endpoint["id"], "--since", "2020-01-01T00:00:00Z")
    assert craftkit("webhooks", "replay", *words, *range_) == {"replayed": 0}
    assert craftkit("webhooks", "replay") == "invalid_request"
    assert craftkit("webhooks", "replay", endpoint["id"]) == "not_found"


def test_audit__lists_user_and_action_newest_first(
    craftkit: Any, project: DemoProject, endpoint: Any
) -> None:
    craftkit("webhooks", "rotate", endpoint["id"], "--project", project.id)
    entries = craftkit("audit", "list", "--project", project.id)["entries"]
    actions = [entry["action"] for entry in entries]
    assert actions == [
        "endpoint.rotated",
        "endpoint.created",
        "template.published",
        "key.created",
        "project.created",
    ]
    assert entries[0]["actor"] == "arn:aws:iam::123456789012:user/ada"
    words = ("audit", "list", "--project", project.id, "--target", "invoice", "--limit", "1")
    assert [entry["target"] for entry in craftkit(*words)["entries"]] == ["invoice"]


def test_renders__redrive_and_reconcile_print_their_counts(
    craftkit: Any, project: DemoProject, cloud: Cloud, call: Any, endpoint: Any
) -> None:
    stream = Stream(cloud, "RenderEventsSource")
    render_id = str(call("create_render", project, body={"data": DATA}).body["id"])
    call("cancel_render", project, path={"id": render_id})
    assert stream.event()["Records"]
    words = ("--project", project.id, "--since", "2020-01-01", "--until", "2100-01-01")
    assert craftkit("renders", "reconcile", *words) == {"counted": 0, "delivered": 1}
    assert craftkit("renders", "redrive") == {"queued": 0, "leftAlone": 0}
