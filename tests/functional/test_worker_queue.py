"""The worker and its queue: a failed attempt is retried soon; throttled receives do not count."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import boto3
import pytest

from craftkit.renders import lifecycle
from testkit.clock import FrozenClock
from testkit.cloud import Cloud
from testkit.project import DATA, DemoProject
from testkit.typesetter import FakeTypesetter


@pytest.fixture
def receive(cloud: Cloud, event: Any) -> Callable[[], Any]:
    """The event that Lambda would pass to the worker; None if no message is visible."""

    def next_event() -> Any:
        client: Any = boto3.client("sqs")
        url = cloud.names["TestQueue"]
        [message] = client.receive_message(QueueUrl=url, AttributeNames=["All"]).get(
            "Messages", [None]
        )
        if message is None:
            return None
        sent = event("render_document")
        sent["Records"][0] |= {
            "body": message["Body"],
            "receiptHandle": message["ReceiptHandle"],
            "attributes": message["Attributes"],
        }
        return sent

    return next_event


@pytest.fixture
def queued(clock: FrozenClock, call: Any, project: DemoProject) -> str:
    return str(call("create_render", project, body={"data": DATA}).body["id"])


def test_render_document__after_an_error_the_message_is_visible_at_once(
    cloud: Cloud,
    receive: Any,
    queued: str,
    call: Any,
    project: DemoProject,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker, typesetter = cloud.module("render_document"), FakeTypesetter()
    typesetter.failure = RuntimeError("a fault that may pass")
    monkeypatch.setattr(worker, "typeset", typesetter)
    monkeypatch.setattr(worker, "_RETRY_AFTER", (timedelta(0),))
    with pytest.raises(RuntimeError):
        cloud.invoke("render_document", receive(), function="TestWorkerFunction")
    again = receive()
    assert json.loads(again["Records"][0]["body"])["renderId"] == queued
    typesetter.failure = None
    assert cloud.invoke("render_document", again, function="TestWorkerFunction") == {
        "batchItemFailures": []
    }
    read = call("get_render", project, path={"id": queued}).body
    assert (read["status"], read["attempt"]) == ("succeeded", 2)


def test_render_document__the_message_of_a_render_in_progress_is_visible_when_its_lease_ends(
    cloud: Cloud,
    clock: FrozenClock,
    receive: Any,
    queued: str,
    project: DemoProject,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lifecycle.claim(project.id, queued, clock())
    clock.now += lifecycle.LEASE - timedelta(seconds=20)
    delays: list[timedelta] = []
    queues = cloud.module("render_document").queues
    monkeypatch.setattr(queues, "change_visibility", lambda _url, _receipt, by: delays.append(by))
    answer = cloud.invoke("render_document", receive(), function="TestWorkerFunction")
    assert len(answer["batchItemFailures"]) == 1
    assert delays == [timedelta(seconds=20)]


def test_render_document__a_fault_is_repeated_within_a_minute(cloud: Cloud) -> None:
    assert max(cloud.module("render_document")._RETRY_AFTER) <= timedelta(minutes=1)
