"""What reaches a dead-letter queue: ended at once, and driven again by an operator."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from craftkit.errors import QueueUnavailableError
from craftkit.queues import QueueError
from craftkit.renders import dead_letters, dispatch, lifecycle
from craftkit.typesetter import SourceError
from testkit.clock import FrozenClock
from testkit.cloud import Cloud
from testkit.project import DATA, DemoProject
from testkit.typesetter import FakeTypesetter
from typesetting.worker import render_document


@pytest.fixture
def queued(clock: FrozenClock, cloud: Cloud, call: Any, project: DemoProject) -> str:
    """A render whose message no worker could take."""
    headers = {"Idempotency-Key": "order-4711"}
    id_ = str(call("create_render", project, body={"data": DATA}, headers=headers).body["id"])
    cloud.messages("TestQueue")
    return id_


@pytest.fixture
def bury(cloud: Cloud, event: Any, project: DemoProject) -> Callable[..., Any]:
    """Hand the render's message to the function, as its dead-letter queue does."""

    def invoke(render_id: str) -> Any:
        sent = event("fail_dead_letter_renders")
        message = {"projectId": project.id, "renderId": render_id}
        sent["Records"][0]["body"] = json.dumps(message)
        return cloud.invoke("fail_dead_letter_renders", sent)

    return invoke


@pytest.fixture
def read(call: Any, project: DemoProject) -> Callable[[str], Any]:
    return lambda render_id: call("get_render", project, path={"id": render_id}).body


def test_fail_dead_letter_renders__ends_it_as_failed_and_keeps_the_message(
    cloud: Cloud, project: DemoProject, queued: str, bury: Any, read: Any
) -> None:
    assert bury(queued) == {"batchItemFailures": []}
    assert (read(queued)["status"], read(queued)["errorCode"]) == ("failed", "worker_failed")
    message = {"projectId": project.id, "renderId": queued}
    assert cloud.messages("DeadRendersQueue") == [message]


def test_fail_dead_letter_renders__a_message_twice_changes_nothing(
    queued: str, bury: Any, read: Any
) -> None:
    bury(queued)
    first = read(queued)
    bury(queued)
    assert read(queued) == first


def test_fail_dead_letter_renders__one_that_ended_well_is_left_alone(
    cloud: Cloud, project: DemoProject, queued: str, bury: Any, read: Any
) -> None:
    render_document(project.id, queued, typeset=FakeTypesetter())
    bury(queued)
    assert read(queued)["status"] == "succeeded"
    assert cloud.messages("DeadRendersQueue") == []


def test_fail_dead_letter_renders__one_that_failed_for_a_reason_is_not_to_be_repeated(
    cloud: Cloud, project: DemoProject, queued: str, bury: Any
) -> None:
    typesetter = FakeTypesetter()
    typesetter.failure = SourceError("no")
    render_document(project.id, queued, typeset=typesetter)
    bury(queued)
    assert cloud.messages("DeadRendersQueue") == []


def test_fail_dead_letter_renders__one_in_work_is_looked_at_again_later(
    clock: FrozenClock, project: DemoProject, queued: str, bury: Any, read: Any
) -> None:
    lifecycle.claim(project.id, queued, clock())
    answer = bury(queued)
    assert len(answer["batchItemFailures"]) == 1
    assert read(queued)["status"] == "rendering"


def test_fail_dead_letter_renders__a_message_that_cannot_be_kept_is_not_lost(
    cloud: Cloud, queued: str, bury: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **_how: Any) -> None:
        raise QueueError

    with monkeypatch.context() as broken:
        broken.setattr(dead_letters.queues, "send", refuse)
        with pytest.raises(QueueError):
            bury(queued)
    bury(queued)
    assert len(cloud.messages("DeadRendersQueue")) == 1


def test_fail_dead_letter_renders__the_real_event_of_a_render_that_is_gone_is_done(
    cloud: Cloud, event: Any
) -> None:
    answer = cloud.invoke("fail_dead_letter_renders", event("fail_dead_letter_renders"))
    assert answer == {"batchItemFailures": []}


def test_redrive__queues_it_as_its_next_attempt(
    cloud: Cloud, project: DemoProject, queued: str, bury: Any, read: Any
) -> None:
    bury(queued)
    assert dead_letters.redrive(10) == (1, 0)
    assert (read(queued)["status"], read(queued)["attempt"]) == ("queued", 2)
    assert [message["renderId"] for message in cloud.messages("TestQueue")] == [queued]
    assert cloud.messages("DeadRendersQueue") == []
    render = render_document(project.id, queued, typeset=FakeTypesetter())
    assert render and render.status == "succeeded"


def test_redrive__leaves_alone_what_was_asked_for_again_meanwhile(
    call: Any, project: DemoProject, queued: str, bury: Any, read: Any
) -> None:
    bury(queued)
    headers = {"Idempotency-Key": "order-4711"}
    call("create_render", project, body={"data": DATA}, headers=headers)
    assert dead_letters.redrive(10) == (0, 1)
    assert read(queued)["attempt"] == 2


def test_redrive__what_the_queue_does_not_take_stays_failed_and_waits_on(
    cloud: Cloud, queued: str, bury: Any, read: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_render: Any) -> None:
        raise QueueUnavailableError

    bury(queued)
    with monkeypatch.context() as broken:
        broken.setattr(dispatch, "enqueue", refuse)
        with pytest.raises(QueueUnavailableError):
            dead_letters.redrive(10)
    assert read(queued)["status"] == "failed"
    hidden = boto3.client("sqs").get_queue_attributes(
        QueueUrl=cloud.names["DeadRendersQueue"],
        AttributeNames=["ApproximateNumberOfMessagesNotVisible"],
    )
    assert hidden["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "1"


def test_redrive__takes_no_more_than_it_is_told(
    cloud: Cloud, call: Any, project: DemoProject, bury: Any
) -> None:
    for _ in range(3):
        bury(str(call("create_render", project, body={"data": DATA}).body["id"]))
    assert dead_letters.redrive(2) == (2, 0)
    assert len(cloud.messages("DeadRendersQueue")) == 1
