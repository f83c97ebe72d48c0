"""Deliveries from the end of a render to the receiver, with faults at each step."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import boto3
import pytest
from standardwebhooks import Webhook

from craftkit.audit import service as audit
from craftkit.errors import ConflictError
from craftkit.keys import service as keys
from craftkit.network import BlockedTargetError, FetchError
from craftkit.queues import QueueError
from craftkit.renders import service as renders
from craftkit.typesetter import SourceError
from craftkit.webhooks import deliveries, delivering, dispatch, service
from craftkit.webhooks.delivering import deliver_webhook
from craftkit.webhooks.dispatch import requeue_stale_deliveries
from craftkit.webhooks.models import Delivery, MadeEndpoint, NewEndpoint
from craftkit.webhooks.schedule import ATTEMPTS, PATIENCE
from testkit.clock import FrozenClock
from testkit.cloud import Cloud
from testkit.project import DATA, DemoProject
from testkit.receiver import Receiver, answered
from testkit.streams import Stream
from testkit.typesetter import FakeTypesetter
from typesetting.worker import render_document

URL = "https://hooks.example.com/craftkit"


def make(project: DemoProject, **fields: Any) -> MadeEndpoint:
    return service.create_endpoint(
        project.id, NewEndpoint(url=URL, **fields), by="ada", check=lambda *_: None
    )


class Scene:
    """A project with an endpoint, and the functions between them."""

    def __init__(self, cloud: Cloud, project: DemoProject, call: Any, clock: FrozenClock) -> None:
        self.cloud, self.project, self._call, self.clock = cloud, project, call, clock
        self.receiver = Receiver()
        self.made = make(project)
        self.stream = Stream(cloud, "RenderEventsSource")

    @property
    def endpoint_id(self) -> str:
        return self.made.endpoint.id

    def render(self, failure: Exception | None = None) -> str:
        """Create a render and finish it."""
        id_ = str(self._call("create_render", self.project, body={"data": DATA}).body["id"])
        typesetter = FakeTypesetter()
        typesetter.failure = failure  # type: ignore[assignment]
        render_document(self.project.id, id_, typeset=typesetter)
        return id_

    def tell(self) -> Any:
        """Invoke the function with the stream's records."""
        return self.cloud.invoke("create_deliveries", self.stream.event())

    def messages(self) -> list[dict[str, Any]]:
        return self.cloud.messages("DeliveriesQueue")

    def send(self, message: dict[str, Any]) -> Delivery | None:
        return deliver_webhook(
            message["projectId"],
            message["endpointId"],
            message["deliveryId"],
            message["attempt"],
            fetch=self.receiver,
            chance=lambda: 0.5,
        )

    def delivery(self) -> Delivery:
        [delivery] = service.list_deliveries(self.project.id, self.endpoint_id).deliveries
        return delivery

    def endpoint(self) -> Any:
        return service.get_endpoint(self.project.id, self.endpoint_id)

    def started(self, *answers: Any) -> dict[str, Any]:
        """Renders a document; returns the message of the first delivery attempt."""
        self.receiver.answers = list(answers)
        self.render()
        self.tell()
        [message] = self.messages()
        return message

    def pass_time(self) -> dict[str, Any]:
        """Advance to the delivery's due time and run the requeuer. Returns the message."""
        due_at = self.delivery().due_at
        assert due_at
        self.clock.now = due_at
        assert requeue_stale_deliveries() == 1
        return self.waiting_for(self.delivery())

    def waiting_for(self, delivery: Delivery) -> dict[str, Any]:
        """The message of a delivery's next attempt, as `dispatch.enqueue` writes it."""
        return {
            "projectId": delivery.project_id,
            "endpointId": delivery.endpoint_id,
            "deliveryId": delivery.id,
            "attempt": delivery.attempt + 1,
        }


@pytest.fixture
def scene(cloud: Cloud, clock: FrozenClock, call: Any, project: DemoProject) -> Scene:
    return Scene(cloud, project, call, clock)


@pytest.fixture
def delays(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The delays, in seconds, of the attempts that are queued from now on."""
    noted: list[int] = []
    send = dispatch.queues.send

    def noting(url: str, body: dict[str, Any], *, group: str, delay_seconds: int = 0) -> None:
        if "deliveryId" in body:
            noted.append(delay_seconds)
        send(url, body, group=group, delay_seconds=0)

    monkeypatch.setattr(dispatch.queues, "send", noting)
    return noted


def test_create_deliveries__an_event_has_the_render_without_a_signed_url(
    scene: Scene,
) -> None:
    render_id = scene.render()
    scene.tell()
    delivery = scene.delivery()
    event = json.loads(delivery.payload)
    assert event["type"] == delivery.event_type == "render.succeeded"
    assert event["data"]["id"] == render_id
    assert event["data"]["projectId"] == scene.project.id
    assert event["data"]["pollUrl"].endswith(f"/v1/renders/{render_id}")
    assert event["timestamp"] == event["data"]["completedAt"]
    assert not {"downloadUrl", "downloadExpiresAt"} & set(event["data"])
    assert scene.messages() == [scene.waiting_for(delivery)]


@pytest.mark.parametrize(
    ("end", "event_type"),
    [
        (lambda scene: scene.render(), "render.succeeded"),
        (lambda scene: scene.render(SourceError("no")), "render.failed"),
    ],
)
def test_create_deliveries__each_final_status_has_an_event(
    scene: Scene, end: Callable[[Scene], object], event_type: str
) -> None:
    end(scene)
    scene.tell()
    assert scene.delivery().event_type == event_type


def test_create_deliveries__a_cancelled_render_has_an_event(
    scene: Scene, call: Any, project: DemoProject
) -> None:
    render_id = str(call("create_render", project, body={"data": DATA}).body["id"])
    renders.cancel_render(project.id, render_id)
    scene.tell()
    assert scene.delivery().event_type == "render.cancelled"


def test_create_deliveries__an_unfinished_render_has_no_event(
    scene: Scene, call: Any, project: DemoProject
) -> None:
    call("create_render", project, body={"data": DATA})
    assert scene.stream.event() == {"Records": []}
    assert scene.messages() == []


def test_create_deliveries__a_duplicate_record_creates_one_delivery(scene: Scene) -> None:
    scene.render()
    event = scene.stream.event()
    scene.cloud.invoke("create_deliveries", event)
    scene.cloud.invoke("create_deliveries", {"Records": event["Records"] * 2})
    assert scene.delivery()
    assert len(scene.messages()) == 1


def test_create_deliveries__are_queued_in_the_message_group_of_their_endpoint(scene: Scene) -> None:
    """A slow receiver must delay only its own deliveries."""
    scene.render()
    scene.tell()
    assert scene.cloud.groups("DeliveriesQueue") == [scene.endpoint_id]


def test_create_deliveries__records_out_of_order_create_all_events(scene: Scene) -> None:
    first, second = scene.render(), scene.render()
    records = scene.stream.event()["Records"]
    scene.cloud.invoke("create_deliveries", {"Records": records[::-1]})
    page = service.list_deliveries(scene.project.id, scene.endpoint_id)
    event = [json.loads(delivery.payload)["data"]["id"] for delivery in page.deliveries]
    assert sorted(event) == sorted([first, second])


def test_create_deliveries__two_attempts_of_a_render_are_two_events(
    scene: Scene, call: Any, project: DemoProject
) -> None:
    headers = {"Idempotency-Key": "order-4711"}
    body = {"data": DATA}
    typesetter = FakeTypesetter()
    typesetter.failure = SourceError("no")
    id_ = str(call("create_render", project, body=body, headers=headers).body["id"])
    render_document(project.id, id_, typeset=typesetter)
    call("create_render", project, body=body, headers=headers)
    typesetter.failure = None
    render_document(project.id, id_, typeset=typesetter)
    scene.tell()
    page = service.list_deliveries(project.id, scene.endpoint_id)
    assert {each.event_type for each in page.deliveries} == {"render.failed", "render.succeeded"}
    assert len({each.event_id for each in page.deliveries}) == 2


def test_create_deliveries__an_endpoint_receives_only_its_event_types(
    scene: Scene, project: DemoProject
) -> None:
    choosy = make(project, events=("render.failed",))
    scene.render()
    scene.tell()
    assert service.list_deliveries(project.id, choosy.endpoint.id).deliveries == []
    assert scene.delivery()


def test_create_deliveries__an_endpoint_of_one_mode_gets_the_renders_of_that_mode(
    scene: Scene, project: DemoProject
) -> None:
    test, live = make(project, mode="test"), make(project, mode="live")
    scene.render()  # by a test key
    scene.tell()
    assert len(service.list_deliveries(project.id, test.endpoint.id).deliveries) == 1
    assert service.list_deliveries(project.id, live.endpoint.id).deliveries == []


def test_create_deliveries__events_before_an_endpoints_creation_are_not_sent(
    scene: Scene, project: DemoProject
) -> None:
    scene.render()
    scene.clock.advance(seconds=1)
    late = make(project)
    scene.tell()
    assert service.list_deliveries(project.id, late.endpoint.id).deliveries == []


def test_create_deliveries__events_of_a_disabled_endpoint_are_stored_as_skipped(
    scene: Scene,
) -> None:
    service.switch_endpoint(scene.project.id, scene.endpoint_id, on=False, by="ada")
    scene.render()
    scene.tell()
    assert scene.delivery().status == "skipped"
    assert scene.messages() == []
    assert requeue_stale_deliveries() == 0


def test_create_deliveries__a_lost_message_is_queued_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise QueueError

    scene.render()
    with monkeypatch.context() as broken:
        broken.setattr(dispatch.queues, "send", refuse)
        assert scene.tell() == {"batchItemFailures": []}
    assert scene.messages() == []
    scene.clock.now += dispatch.GRACE
    assert requeue_stale_deliveries() == 1
    assert scene.messages() == [scene.waiting_for(scene.delivery())]


def test_create_deliveries__failed_records_are_reported_and_others_handled(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = scene.render(), scene.render()
    records = scene.stream.event()["Records"]
    create = deliveries.create

    def failing(delivery: Delivery) -> None:
        if json.loads(delivery.payload)["data"]["id"] == bad:
            raise RuntimeError
        create(delivery)

    monkeypatch.setattr(deliveries, "create", failing)
    answer = scene.cloud.invoke("create_deliveries", {"Records": records})
    [number] = [
        each["dynamodb"]["SequenceNumber"]
        for each in records
        if each["dynamodb"]["NewImage"]["render_id"]["S"] == bad
    ]
    assert answer == {"batchItemFailures": [{"itemIdentifier": number}]}
    assert json.loads(scene.delivery().payload)["data"]["id"] == good


def test_create_deliveries__handles_the_sample_event(cloud: Cloud, event: Any) -> None:
    answer = cloud.invoke("create_deliveries", event("create_deliveries"))
    assert answer == {"batchItemFailures": []}


def test_create_deliveries__a_revoked_key_has_an_event_without_the_key(
    cloud: Cloud, scene: Scene, project: DemoProject
) -> None:
    stream = Stream(cloud, "AuditEventsSource")
    stream.event()
    keys.revoke_key(project.key.key.id, by="arn:aws:iam::123456789012:user/ada")
    event = stream.event()
    cloud.invoke("create_deliveries", event)
    event = json.loads(scene.delivery().payload)
    assert event["type"] == "key.revoked"
    assert event["data"]["id"] == project.key.key.id
    assert project.key.cleartext not in scene.delivery().payload
    assert "user/ada" not in scene.delivery().payload


def test_create_deliveries__other_audit_entries_are_filtered_out(
    cloud: Cloud, scene: Scene
) -> None:
    stream = Stream(cloud, "AuditEventsSource")
    stream.event()
    service.switch_endpoint(scene.project.id, scene.endpoint_id, on=False, by="ada")
    assert stream.event() == {"Records": []}


def test_deliver__the_official_library_verifies_the_signature(scene: Scene) -> None:
    message = scene.started()
    delivery = scene.send(message)
    assert delivery and delivery.status == "delivered"
    [call] = scene.receiver.calls
    assert (call.url, call.method) == (URL, "POST")
    event = Webhook(scene.made.secret).verify(call.body, call.headers)
    assert event["type"] == call.headers["x-craftkit-event"] == "render.succeeded"
    assert call.headers["webhook-id"] == delivery.event_id
    assert call.body == delivery.payload.encode()


def test_deliver__stores_request_response_and_duration(scene: Scene) -> None:
    scene.send(scene.started(answered(200, b"thanks")))
    [attempt] = scene.delivery().attempts
    assert (attempt.number, attempt.status_code, attempt.response) == (1, 200, "thanks")
    assert attempt.duration_ms == 12
    assert attempt.at == scene.clock.now
    assert attempt.request_headers["webhook-id"] == scene.delivery().event_id
    assert scene.delivery().completed_at == scene.clock.now


def test_deliver__the_policy_is_15_seconds_4_kib_and_no_redirect(scene: Scene) -> None:
    scene.send(scene.started())
    policy = scene.receiver.calls[0].policy
    assert (policy.deadline_seconds, policy.max_bytes, policy.redirects) == (15, 4096, 0)
    assert policy.truncate


def test_deliver__the_same_message_twice_sends_once(scene: Scene) -> None:
    message = scene.started()
    scene.send(message)
    assert scene.send(message) is None
    assert len(scene.receiver.calls) == 1


def test_deliver__two_at_once_send_once(scene: Scene) -> None:
    message = scene.started()
    scene.receiver.before = lambda: scene.send(message)
    scene.send(message)
    assert len(scene.receiver.calls) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (500, "answered 500"),
        (404, "answered 404"),
        (301, "answered 301"),
        (FetchError("no answer within 15 seconds"), "no answer within 15 seconds"),
        (BlockedTargetError("the host is not on the public internet"), "not on the public"),
    ],
)
def test_deliver__any_status_but_2xx_is_retried(
    scene: Scene, answer: Any, error: str, delays: list[int]
) -> None:
    delivery = scene.send(scene.started(answer))
    assert delivery and delivery.status == "pending"
    [attempt] = delivery.attempts
    assert error in str(attempt.error)
    assert delays == [0, 5]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_deliver__every_2xx_ends_the_delivery(scene: Scene, status: int) -> None:
    delivery = scene.send(scene.started(status))
    assert delivery and delivery.status == "delivered"


def test_deliver__succeeds_at_the_fourth_attempt_with_the_same_id(scene: Scene) -> None:
    message = scene.started(500, FetchError("the host cannot be reached"), 503)
    scene.send(message)
    for _ in range(3):
        scene.send(scene.pass_time())
    assert scene.delivery().status == "delivered"
    assert scene.delivery().attempt == 4
    assert len({call.headers["webhook-id"] for call in scene.receiver.calls}) == 1
    assert len({call.body for call in scene.receiver.calls}) == 1
    stamps = [int(call.headers["webhook-timestamp"]) for call in scene.receiver.calls]
    assert stamps == sorted(set(stamps))


def test_deliver__short_delays_use_the_queue_and_long_delays_the_index(
    scene: Scene, delays: list[int]
) -> None:
    message = scene.started(*[500] * ATTEMPTS)
    due = []
    for _ in range(ATTEMPTS - 1):
        before = scene.clock.now
        waiting = scene.send(message)
        assert waiting and waiting.due_at
        due.append((waiting.due_at - before).total_seconds())
        message = scene.pass_time()
    grace = dispatch.GRACE.total_seconds()
    assert due == [5 + grace, 300 + grace, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
    assert [seconds for seconds in delays if seconds] == [5, 300]
    ended = scene.send(message)
    assert ended and (ended.status, ended.attempt) == ("failed", ATTEMPTS)
    assert requeue_stale_deliveries() == 0


def test_deliver__retry_after_is_honoured(scene: Scene, delays: list[int]) -> None:
    scene.send(scene.started(answered(429, retry_after="300")))
    assert delays == [0, 300]
    service.replay_delivery(scene.delivery().id)
    scene.receiver.answers = [answered(503, retry_after="7200")]
    waiting = scene.send(scene.waiting_for(scene.delivery()))
    assert waiting and waiting.due_at == scene.clock.now + timedelta(hours=2)


def test_deliver__410_ends_the_delivery_and_disables_the_endpoint(scene: Scene) -> None:
    delivery = scene.send(scene.started(410))
    assert delivery and delivery.status == "failed"
    assert scene.endpoint().disabled_at == scene.clock.now
    entries = audit.list_entries(scene.project.id, target=scene.endpoint_id).entries
    assert (entries[0].action, entries[0].actor) == ("endpoint.disabled", delivering.SYSTEM)
    assert "410" in entries[0].details["reason"]


def test_deliver__five_days_of_failures_disable_the_endpoint(scene: Scene) -> None:
    scene.send(scene.started(500))
    assert scene.endpoint().failing_since == scene.clock.now
    scene.clock.now += PATIENCE - timedelta(seconds=1)
    scene.send(scene.started(500))
    assert scene.endpoint().disabled_at is None
    scene.clock.advance(seconds=1)
    scene.send(scene.started(500))
    assert scene.endpoint().disabled_at == scene.clock.now
    entries = audit.list_entries(scene.project.id, target=scene.endpoint_id).entries
    assert entries[0].action == "endpoint.disabled"


def test_deliver__a_success_restarts_the_five_days(scene: Scene) -> None:
    scene.send(scene.started(500))
    scene.clock.advance(days=4)
    scene.send(scene.started(200))
    assert scene.endpoint().failing_since is None
    scene.clock.advance(days=4)
    scene.send(scene.started(500))
    assert scene.endpoint().disabled_at is None


def test_deliver__pending_deliveries_of_a_disabled_endpoint_are_skipped(
    scene: Scene,
) -> None:
    message = scene.started()
    service.switch_endpoint(scene.project.id, scene.endpoint_id, on=False, by="ada")
    delivery = scene.send(message)
    assert delivery and delivery.status == "skipped"
    assert scene.receiver.calls == []


def test_deliver__pending_deliveries_of_a_deleted_endpoint_are_skipped(scene: Scene) -> None:
    message = scene.started()
    service.delete_endpoint(scene.project.id, scene.endpoint_id, by="ada")
    delivery = scene.send(message)
    assert delivery and delivery.status == "skipped"


def test_deliver__a_crash_is_followed_by_the_next_attempt(scene: Scene) -> None:
    class KilledError(BaseException):
        pass

    def die() -> None:
        raise KilledError

    message = scene.started()
    scene.receiver.before = die
    with pytest.raises(KilledError):
        scene.send(message)
    scene.receiver.before = None
    assert scene.send(message) is None
    assert requeue_stale_deliveries() == 0
    scene.clock.now += delivering.LEASE
    assert requeue_stale_deliveries() == 1
    [again] = scene.messages()
    assert again["attempt"] == 2
    delivery = scene.send(again)
    assert delivery and delivery.status == "delivered"


def test_deliver__a_crash_at_the_last_attempt_ends_the_delivery(scene: Scene) -> None:
    class KilledError(BaseException):
        pass

    def die() -> None:
        raise KilledError

    message = scene.started(*[500] * (ATTEMPTS - 1))
    for _ in range(ATTEMPTS - 1):
        scene.send(message)
        message = scene.pass_time()
    scene.receiver.before = die
    with pytest.raises(KilledError):
        scene.send(message)
    scene.clock.now += delivering.LEASE
    assert requeue_stale_deliveries() == 0
    assert scene.delivery().status == "failed"


def test_deliver__both_secrets_sign_during_a_rotation(scene: Scene) -> None:
    rotated = service.rotate_secret(scene.project.id, scene.endpoint_id, by="ada")
    scene.send(scene.started())
    [call] = scene.receiver.calls
    for secret in (scene.made.secret, rotated.secret):
        Webhook(secret).verify(call.body, call.headers)


def test_deliver__no_secret_is_in_the_log_of_a_delivery(scene: Scene) -> None:
    scene.send(scene.started(500))
    assert scene.made.secret not in repr(scene.cloud.table("DeliveriesTable").scan()["Items"])


def test_deliver__the_handler_makes_one_attempt_for_each_message(
    scene: Scene, event: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = scene.started()
    monkeypatch.setattr("craftkit.network.fetch", scene.receiver)
    sent = event("deliver_webhook")
    sent["Records"][0]["body"] = json.dumps(message)
    scene.cloud.invoke("deliver_webhook", sent)
    assert scene.delivery().status == "delivered"


def test_deliver__the_sample_event_of_a_deleted_delivery_is_handled(
    cloud: Cloud, event: Any
) -> None:
    assert cloud.invoke("deliver_webhook", event("deliver_webhook")) == {"batchItemFailures": []}


def test_requeue_stale_deliveries__queues_due_deliveries(scene: Scene, event: Any) -> None:
    scene.started()
    scene.clock.now += dispatch.GRACE
    scene.cloud.invoke("requeue_stale_deliveries", event("requeue_stale_deliveries"))
    assert len(scene.messages()) == 1


def test_requeue_stale_deliveries__two_concurrent_runs_queue_one_message(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.started()
    scene.clock.now += dispatch.GRACE
    seen = list(deliveries.due(int(deliveries.shard_of(scene.delivery().id)), scene.clock.now))
    assert requeue_stale_deliveries() == 1
    monkeypatch.setattr(deliveries, "due", lambda shard, _now: seen if shard == 0 else [])
    assert requeue_stale_deliveries() == 0


def test_replay__restarts_the_schedule(scene: Scene, delays: list[int]) -> None:
    scene.send(scene.started(410))
    service.switch_endpoint(scene.project.id, scene.endpoint_id, on=True, by="ada")
    again = service.replay_delivery(scene.delivery().id)
    assert (again.status, again.completed_at) == ("pending", None)
    [message] = scene.messages()
    assert message["attempt"] == 2
    scene.receiver.answers = [500]
    scene.send(message)
    assert delays[-1] == 5
    first, second = scene.receiver.calls
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


def test_replay__during_a_retry_sends_once(scene: Scene) -> None:
    scene.send(scene.started(500))
    retry = scene.waiting_for(scene.delivery())
    service.replay_delivery(scene.delivery().id)
    replayed = scene.waiting_for(scene.delivery())
    assert retry == replayed
    scene.send(replayed)
    assert scene.send(retry) is None
    assert len(scene.receiver.calls) == 2
    assert scene.delivery().status == "delivered"


def test_replay__during_an_attempt_does_not_interrupt_it(scene: Scene) -> None:
    message = scene.started()
    scene.receiver.before = lambda: service.replay_delivery(scene.delivery().id)
    delivery = scene.send(message)
    assert delivery and delivery.status == "delivered"
    assert len(scene.receiver.calls) == 1


def test_replay__of_a_disabled_endpoint_is_refused(scene: Scene) -> None:
    scene.send(scene.started(410))
    with pytest.raises(ConflictError):
        service.replay_delivery(scene.delivery().id)


def test_replay__a_time_range_contains_undelivered_events(scene: Scene) -> None:
    since = scene.clock.now
    scene.send(scene.started(200))
    scene.clock.advance(minutes=1)
    service.switch_endpoint(scene.project.id, scene.endpoint_id, on=False, by="ada")
    scene.render()
    scene.tell()
    scene.clock.advance(minutes=1)
    until = scene.clock.now
    scene.render()
    scene.tell()
    service.switch_endpoint(scene.project.id, scene.endpoint_id, on=True, by="ada")
    replay = service.replay_deliveries
    assert replay(scene.project.id, scene.endpoint_id, since, until) == 1
    assert len(scene.messages()) == 1
    everything = replay(scene.project.id, scene.endpoint_id, since, until, delivered_too=True)
    assert everything == 1  # the other is on its way already


def test_ping__is_sent_regardless_of_the_filter(scene: Scene, project: DemoProject) -> None:
    choosy = make(project, events=("render.failed",))
    delivery = service.ping(project.id, choosy.endpoint.id)
    [message] = scene.messages()
    assert message["deliveryId"] == delivery.id
    scene.send(message)
    [call] = scene.receiver.calls
    assert call.headers["x-craftkit-event"] == "ping"
    assert json.loads(call.body)["data"] == {"endpointId": choosy.endpoint.id}


def test_ping__a_disabled_endpoint_is_refused(scene: Scene) -> None:
    service.switch_endpoint(scene.project.id, scene.endpoint_id, on=False, by="ada")
    with pytest.raises(ConflictError):
        service.ping(scene.project.id, scene.endpoint_id)


def test_deliveries__are_listed_newest_first_in_pages(scene: Scene) -> None:
    for _ in range(3):
        scene.render()
        scene.clock.advance(seconds=1)
    scene.tell()
    first = service.list_deliveries(scene.project.id, scene.endpoint_id, limit=2)
    rest = service.list_deliveries(scene.project.id, scene.endpoint_id, limit=2, after=first.after)
    ids = [delivery.id for delivery in (*first.deliveries, *rest.deliveries)]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 3
    assert rest.after is None


def test_deliveries__expire_after_the_retention_of_the_stage(scene: Scene) -> None:
    scene.started()
    [row] = scene.cloud.table("DeliveriesTable").scan()["Items"]
    assert row["expires_at"] == int(scene.clock.now.timestamp()) + 7 * 86400
    assert (
        boto3.client("dynamodb").describe_time_to_live(TableName="DeliveriesTable")[
            "TimeToLiveDescription"
        ]["AttributeName"]
        == "expires_at"
    )


def test_attempts__the_log_is_bounded(scene: Scene) -> None:
    scene.started()
    delivery = scene.delivery()
    held = deliveries.claim(delivery.endpoint_id, delivery.id, 1, scene.clock.now)
    assert held
    old = tuple(
        delivering.Attempt(number=number, at=scene.clock.now, duration_ms=1)
        for number in range(deliveries.ATTEMPTS_KEPT)
    )
    long = held.model_copy(update={"attempts": old})
    ended = deliveries.finish(
        long, "delivered", scene.clock.now, old[0].model_copy(update={"number": 99})
    )
    assert ended and len(ended.attempts) == deliveries.ATTEMPTS_KEPT
    assert ended.attempts[-1].number == 99
