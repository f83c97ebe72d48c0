"""Messages in the dead-letter queues: queued again, or ended and queued again by an operator."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from craftkit.errors import QueueUnavailableError
from craftkit.queues import QueueError
from craftkit.renders import dead_letters, dispatch, lifecycle
from craftkit.renders.stale import requeue_stale_renders
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
    """Invoke the function with the render's message."""

    def invoke(render_id: str) -> Any:
        sent = event("fail_dead_letter_renders")
        message = {"projectId": project.id, "renderId": render_id}
        sent["Records"][0]["body"] = json.dumps(message)
        return cloud.invoke("fail_dead_letter_renders", sent)

    return invoke


@pytest.fixture
def read(call: Any, project: DemoProject) -> Callable[[str], Any]:
    return lambda render_id: call("get_render", project, path={"id": render_id}).body


@pytest.fixture
def day_old(clock: FrozenClock, queued: str) -> str:
    """Advance the clock by a day."""
    clock.advance(hours=24, seconds=1)
    return queued


def test_fail_dead_letter_renders__a_render_that_no_worker_started_is_queued_again(
    cloud: Cloud, clock: FrozenClock, project: DemoProject, queued: str, bury: Any, read: Any
) -> None:
    """Lambda throttled every receive of its message."""
    clock.advance(hours=1)
    assert bury(queued) == {"batchItemFailures": []}
    assert (read(queued)["status"], read(queued)["attempt"]) == ("queued", 1)
    assert cloud.messages("TestQueue") == [{"projectId": project.id, "renderId": queued}]
    assert cloud.messages("DeadRendersQueue") == []
    render = render_document(project.id, queued, typeset=FakeTypesetter())
    assert render and render.status == "succeeded"


def test_fail_dead_letter_renders__one_that_the_requeuer_queued_since_gets_no_second_message(
    cloud: Cloud, clock: FrozenClock, queued: str, bury: Any
) -> None:
    clock.advance(hours=1)
    assert requeue_stale_renders().requeued == 1
    assert len(cloud.messages("TestQueue")) == 1
    clock.advance(minutes=5)
    bury(queued)
    assert cloud.messages("TestQueue") == []


def test_fail_dead_letter_renders__a_render_with_attempts_left_is_queued_again(
    cloud: Cloud, clock: FrozenClock, project: DemoProject, queued: str, bury: Any, read: Any
) -> None:
    lifecycle.claim(project.id, queued, clock())
    clock.now += lifecycle.LEASE
    bury(queued)
    assert read(queued)["status"] == "rendering"
    assert len(cloud.messages("TestQueue")) == 1


def test_fail_dead_letter_renders__a_render_with_three_attempts_ends_as_failed(
    cloud: Cloud, clock: FrozenClock, project: DemoProject, queued: str, bury: Any, read: Any
) -> None:
    for _ in range(lifecycle.ATTEMPTS):
        lifecycle.claim(project.id, queued, clock())
        clock.now += lifecycle.LEASE
    bury(queued)
    assert (read(queued)["status"], read(queued)["errorCode"]) == ("failed", "worker_failed")
    assert len(cloud.messages("DeadRendersQueue")) == 1
    assert cloud.messages("TestQueue") == []


def test_fail_dead_letter_renders__a_render_that_cannot_be_queued_keeps_its_message(
    cloud: Cloud, queued: str, bury: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **_how: Any) -> None:
        raise QueueError

    with monkeypatch.context() as broken:
        broken.setattr(dispatch.queues, "send", refuse)
        with pytest.raises(QueueUnavailableError):
            bury(queued)
    bury(queued)
    assert len(cloud.messages("TestQueue")) == 1


def test_fail_dead_letter_renders__after_a_day_it_ends_as_failed_and_its_message_is_kept(
    cloud: Cloud, project: DemoProject, day_old: str, bury: Any, read: Any
) -> None:
    assert bury(day_old) == {"batchItemFailures": []}
    assert (read(day_old)["status"], read(day_old)["errorCode"]) == ("failed", "worker_failed")
    message = {"projectId": project.id, "renderId": day_old}
    assert cloud.messages("DeadRendersQueue") == [message]


def test_requeue_stale_renders__keeps_messages_of_renders_that_no_worker_started(
    cloud: Cloud, day_old: str, read: Any
) -> None:
    assert requeue_stale_renders().ended == 1
    assert read(day_old)["status"] == "failed"
    assert [message["renderId"] for message in cloud.messages("DeadRendersQueue")] == [day_old]


def test_fail_dead_letter_renders__a_message_twice_changes_nothing(
    day_old: str, bury: Any, read: Any
) -> None:
    bury(day_old)
    first = read(day_old)
    bury(day_old)
    assert read(day_old) == first


def test_fail_dead_letter_renders__a_succeeded_render_is_not_changed(
    cloud: Cloud, project: DemoProject, queued: str, bury: Any, read: Any
) -> None:
    render_document(project.id, queued, typeset=FakeTypesetter())
    bury(queued)
    assert read(queued)["status"] == "succeeded"
    assert cloud.messages("DeadRendersQueue") == []


def test_fail_dead_letter_renders__a_failed_render_is_not_queued_again(
    cloud: Cloud, project: DemoProject, queued: str, bury: Any
) -> None:
    typesetter = FakeTypesetter()
    typesetter.failure = SourceError("no")
    render_document(project.id, queued, typeset=typesetter)
    bury(queued)
    assert cloud.messages("DeadRendersQueue") == []


def test_fail_dead_letter_renders__a_render_in_progress_is_checked_again_later(
    clock: FrozenClock, project: DemoProject, queued: str, bury: Any, read: Any
) -> None:
    lifecycle.claim(project.id, queued, clock())
    answer = bury(queued)
    assert len(answer["batchItemFailures"]) == 1
    assert read(queued)["status"] == "rendering"


def test_fail_dead_letter_renders__a_message_that_cannot_be_stored_stays_in_the_queue(
    cloud: Cloud, day_old: str, bury: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **_how: Any) -> None:
        raise QueueError

    with monkeypatch.context() as broken:
        broken.setattr(dead_letters.queues, "send", refuse)
        with pytest.raises(QueueError):
            bury(day_old)
    bury(day_old)
    assert len(cloud.messages("DeadRendersQueue")) == 1


def test_fail_dead_letter_renders__the_sample_event_of_a_deleted_render_is_handled(
    cloud: Cloud, event: Any
) -> None:
    answer = cloud.invoke("fail_dead_letter_renders", event("fail_dead_letter_renders"))
    assert answer == {"batchItemFailures": []}


def test_redrive__queues_it_as_its_next_attempt(
    cloud: Cloud, project: DemoProject, day_old: str, bury: Any, read: Any
) -> None:
    bury(day_old)
    assert dead_letters.redrive(10) == (1, 0)
    assert (read(day_old)["status"], read(day_old)["attempt"]) == ("queued", 2)
    assert [message["renderId"] for message in cloud.messages("TestQueue")] == [day_old]
    assert cloud.messages("DeadRendersQueue") == []
    render = render_document(project.id, day_old, typeset=FakeTypesetter())
    assert render and render.status == "succeeded"


def test_redrive__skips_renders_that_were_requested_again(
    call: Any, project: DemoProject, day_old: str, bury: Any, read: Any
) -> None:
    bury(day_old)
    headers = {"Idempotency-Key": "order-4711"}
    call("create_render", project, body={"data": DATA}, headers=headers)
    assert dead_letters.redrive(10) == (0, 1)
    assert read(day_old)["attempt"] == 2


def test_redrive__a_render_that_cannot_be_queued_stays_failed(
    cloud: Cloud, day_old: str, bury: Any, read: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_render: Any) -> None:
        raise QueueUnavailableError

    bury(day_old)
    with monkeypatch.context() as broken:
        broken.setattr(dispatch, "enqueue", refuse)
        with pytest.raises(QueueUnavailableError):
            dead_letters.redrive(10)
    assert read(day_old)["status"] == "failed"
    hidden = boto3.client("sqs").get_queue_attributes(
        QueueUrl=cloud.names["DeadRendersQueue"],
        AttributeNames=["ApproximateNumberOfMessagesNotVisible"],
    )
    assert hidden["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "1"


def test_redrive__respects_the_limit(
    cloud: Cloud, clock: FrozenClock, call: Any, project: DemoProject, bury: Any
) -> None:
    made = [call("create_render", project, body={"data": DATA}).body["id"] for _ in range(3)]
    clock.advance(hours=24, seconds=1)
    for id_ in made:
        bury(id_)
    assert dead_letters.redrive(2) == (2, 0)
    assert len(cloud.messages("DeadRendersQueue")) == 1
