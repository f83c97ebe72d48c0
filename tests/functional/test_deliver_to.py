"""`options.deliverTo`: the finished document is sent to an address that the caller presigned."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from craftkit.network import BlockedTargetError, FetchError
from craftkit.renders import delivery_target
from craftkit.webhooks import dispatch, render_events
from craftkit.webhooks import service as webhooks
from craftkit.webhooks.document_deliveries import deliver_document, note_given_up
from craftkit.webhooks.models import NewEndpoint
from craftkit.webhooks.schedule import ATTEMPTS, DELAYS
from testkit.cloud import Cloud
from testkit.contents import places_of
from testkit.project import DATA, DemoProject, make_project, publish
from testkit.receiver import Receiver, answered
from testkit.streams import Stream
from typesetting import typeset
from typesetting.worker import render_document

SIGNATURE = "5d672d79c15b13162d9279b0855cfba6"
URL = f"https://bucket.example.com/in/invoice.pdf?X-Amz-Signature={SIGNATURE}"
SECRET_HEADER = "sse-key-3f9a"
TARGET = {"url": URL, "headers": {"x-ms-blob-type": "BlockBlob", "x-secret": SECRET_HEADER}}
BODY: dict[str, Any] = {"data": DATA, "options": {"deliverTo": TARGET}}


class Scene:
    """A project whose renders are delivered, and the functions that do it."""

    def __init__(self, cloud: Cloud, call: Any) -> None:
        self.cloud, self._call = cloud, call
        self.project = make_project("live")
        self._stream = Stream(cloud, "RenderEventsSource")
        self.storage = Receiver()

    def create(self, body: dict[str, Any] | None = None) -> Any:
        return self._call("create_render", self.project, body=body or BODY)

    def render(self, body: dict[str, Any] | None = None) -> str:
        """A finished render whose stream was read."""
        made = self.create(body)
        assert made.status == 202, made.body
        render_document(self.project.id, made.body["id"], typeset=typeset)
        self.read_stream()
        return str(made.body["id"])

    def read_stream(self) -> None:
        answer = self.cloud.invoke("create_deliveries", self._stream.event())
        assert answer == {"batchItemFailures": []}

    def messages(self) -> list[Any]:
        return self.cloud.messages("DeliveriesQueue")

    def send(self, message: Any) -> Any:
        """One attempt, as the function with its own variables makes it."""
        with self.cloud.as_function("DeliverWebhookFunction"):
            return deliver_document(
                message["projectId"],
                message["endpointId"],
                message["deliveryId"],
                message["attempt"],
                put=self.storage,
                chance=lambda: 0.5,
            )

    def delivery(self, render_id: str) -> Any:
        read = self._call("get_render", self.project, path={"id": render_id})
        return read.body["delivery"]

    def events(self) -> list[Any]:
        """The pending deliveries of the project's webhook endpoint."""
        rows = self.cloud.table("DeliveriesTable").scan()["Items"]
        return [json.loads(row["payload"]) for row in rows if row["payload"]]


@pytest.fixture
def scene(
    cloud: Cloud, clock: Any, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> Scene:
    monkeypatch.setattr(delivery_target.network, "check", lambda _url, _policy: None)
    return Scene(cloud, call)


def test_deliver_to__uploads_the_document_with_type_length_and_the_callers_headers(
    scene: Scene,
) -> None:
    id_ = scene.render()
    assert scene.delivery(id_) == {"status": "pending", "attempts": 0, "lastError": None}
    (message,) = scene.messages()
    assert scene.send(message).status == "delivered"
    (call,) = scene.storage.calls
    assert (call.method, call.url) == ("PUT", URL)
    content = b"".join(call.body.parts)
    assert content.startswith(b"%PDF")
    assert len(call.body) == len(content)
    assert call.headers == {
        "content-type": "application/pdf",
        "x-ms-blob-type": "BlockBlob",
        "x-secret": SECRET_HEADER,
    }
    assert scene.delivery(id_) == {"status": "delivered", "attempts": 1, "lastError": None}


def test_deliver_to__a_message_twice_is_sent_once(scene: Scene) -> None:
    scene.render()
    (message,) = scene.messages()
    scene.send(message)
    assert scene.send(message) is None
    assert len(scene.storage.calls) == 1


def test_deliver_to__failed_uploads_are_retried_like_a_webhook_and_shown(
    scene: Scene, clock: Any
) -> None:
    scene.storage.answers = [answered(503, b"<Error>secret</Error>"), FetchError("no answer"), 200]
    id_ = scene.render()
    (message,) = scene.messages()
    scene.send(message)
    assert scene.delivery(id_) == {
        "status": "pending", "attempts": 1, "lastError": "answered 503",
    }  # fmt: skip
    clock.advance(seconds=DELAYS[0].total_seconds() + 1)
    scene.send({**message, "attempt": 2})
    assert scene.delivery(id_)["lastError"] == "no answer"
    clock.advance(seconds=DELAYS[1].total_seconds() + 1)
    scene.send({**message, "attempt": 3})
    assert scene.delivery(id_) == {"status": "delivered", "attempts": 3, "lastError": None}
    assert places_of("<Error>", boto3.client) == []


def test_deliver_to__fails_after_the_last_attempt_of_the_schedule(scene: Scene, clock: Any) -> None:
    scene.storage.answers = [403] * ATTEMPTS
    id_ = scene.render()
    for number in range(ATTEMPTS):
        message = scene.messages()[-1]
        scene.send(message)
        if number < ATTEMPTS - 1:
            clock.advance(seconds=DELAYS[number].total_seconds() + 180)
            with scene.cloud.as_function("RequeueStaleDeliveriesFunction"):
                assert dispatch.requeue_stale_deliveries(note_given_up) == 1
    assert scene.delivery(id_) == {
        "status": "failed", "attempts": ATTEMPTS, "lastError": "answered 403",
    }  # fmt: skip
    row = scene.cloud.table("RendersTable").scan()["Items"][0]
    assert "deliver_to" not in row


def test_deliver_to__410_ends_the_delivery_at_once(scene: Scene) -> None:
    scene.storage.answers = [410]
    id_ = scene.render()
    scene.send(scene.messages()[0])
    assert scene.delivery(id_)["status"] == "failed"
    assert scene.messages() == []


def test_deliver_to__a_crash_in_the_last_attempt_ends_the_delivery_as_failed(
    scene: Scene, clock: Any
) -> None:
    id_ = scene.render()
    (message,) = scene.messages()
    table = scene.cloud.table("DeliveriesTable")
    key = {"endpoint_id": message["endpointId"], "delivery_id": message["deliveryId"]}
    table.update_item(
        Key=key,
        UpdateExpression="SET attempt = :last, #s = :sending",
        ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={":last": ATTEMPTS, ":sending": "sending"},
    )
    clock.advance(hours=1)
    with scene.cloud.as_function("RequeueStaleDeliveriesFunction"):
        assert dispatch.requeue_stale_deliveries(note_given_up) == 0
    assert scene.delivery(id_)["status"] == "failed"


def test_deliver_to__the_event_of_the_render_has_the_outcome(scene: Scene) -> None:
    with scene.cloud.as_function("DashboardFunction"):
        webhooks.create_endpoint(
            scene.project.id,
            NewEndpoint(url="https://example.com/hook"),
            by="system",
            check=lambda _url, _policy: None,
        )
    scene.render()
    assert scene.events() == []
    scene.send(scene.messages()[0])
    scene.read_stream()
    (event,) = scene.events()
    assert event["type"] == "render.succeeded"
    assert event["data"]["delivery"] == {"status": "delivered", "attempts": 1, "lastError": None}
    scene.read_stream()
    assert len(scene.events()) == 1


def test_deliver_to__reconciling_creates_what_the_stream_missed_once(
    scene: Scene, cloud: Cloud, call: Any
) -> None:
    made = scene.create()
    render_document(scene.project.id, made.body["id"], typeset=typeset)
    since, until = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(hours=1)
    counts = [render_events.reconcile(scene.project.id, since, until) for _ in range(2)]
    assert counts == [1, 0]
    scene.read_stream()
    (message,) = scene.messages()
    assert scene.send(message).status == "delivered"


def test_deliver_to__address_and_headers_are_stored_encrypted(
    scene: Scene, capfd: pytest.CaptureFixture[str]
) -> None:
    scene.storage.answers = [answered(403, f"<StringToSign>{SIGNATURE}".encode()), 200]
    id_ = scene.render()
    scene.send(scene.messages()[0])
    for secret in (SIGNATURE, SECRET_HEADER, "bucket.example.com"):
        assert places_of(secret, boto3.client) == []
    written = capfd.readouterr()
    assert SIGNATURE not in written.out + written.err
    assert SIGNATURE not in json.dumps(scene.delivery(id_))


def test_deliver_to__a_failed_render_sends_nothing(scene: Scene) -> None:
    publish(scene.project.id, "invoice", source="#assert(false)")
    id_ = scene.render()
    assert scene.messages() == []
    assert scene.delivery(id_)["status"] == "skipped"


def test_deliver_to__a_deleted_render_is_not_sent_and_keeps_no_target(
    scene: Scene, call: Any
) -> None:
    id_ = scene.render()
    (message,) = scene.messages()
    assert call("delete_render", scene.project, path={"id": id_}).status == 204
    assert scene.send(message) is None
    assert scene.storage.calls == []
    assert scene.cloud.table("DeliveriesTable").scan()["Items"] == []
    assert "deliver_to" not in scene.cloud.table("RendersTable").scan()["Items"][0]


@pytest.mark.parametrize(
    ("target", "field"),
    [
        ({}, "options.deliverTo.url"),
        ({"url": URL, "headers": {"Host": "x"}}, "options.deliverTo.headers"),
        ({"url": URL, "headers": {"x": "a\nb"}}, "options.deliverTo.headers.x"),
        ({"url": URL, "headers": {"a b": "c"}}, "options.deliverTo.headers"),
        ({"url": "https://x.example/" + "a" * 4000}, "options.deliverTo.url"),
        ({"url": URL, "headers": {"x": "a" * 2000, "y": "a" * 2000}}, "options.deliverTo"),
        ({"url": URL, "method": "POST"}, "options.deliverTo.method"),
    ],
)
def test_deliver_to__an_invalid_target_is_400_and_is_not_repeated(
    scene: Scene, target: dict[str, Any], field: str
) -> None:
    answer = scene.create({"data": DATA, "options": {"deliverTo": target}})
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert any(name.startswith(field) for name in answer.field_errors), answer.body
    assert SIGNATURE not in json.dumps(answer.body)
    assert scene.cloud.table("RendersTable").scan()["Items"] == []


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/x",
        "https://10.0.0.7/x",
        "https://169.254.169.254/latest",
        "https://[::1]/x",
        "https://user:secret@example.com/x",
        "ftp://example.com/x",
    ],
)
def test_deliver_to__a_private_or_improper_address_is_400_outside_of_the_local_stage(
    cloud: Cloud, call: Any, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setattr("craftkit.config.Config.has_private_webhooks", False)
    monkeypatch.setattr(
        "socket.getaddrinfo", lambda host, port, **_: [("", "", "", "", (host, port))]
    )
    project: DemoProject = make_project("live")
    answer = call("create_render", project, body={**BODY, "options": {"deliverTo": {"url": url}}})
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert "options.deliverTo.url" in answer.field_errors
    assert url not in json.dumps(answer.body)


def test_deliver_to__an_address_that_becomes_private_is_refused_when_it_is_sent(
    scene: Scene,
) -> None:
    scene.storage.answers = [BlockedTargetError("the host is not on the public internet")]
    id_ = scene.render()
    scene.send(scene.messages()[0])
    assert scene.delivery(id_)["lastError"] == "the host is not on the public internet"


def test_deliver_to__with_store_false_is_400(scene: Scene, cloud: Cloud, event: Any) -> None:
    body = {"data": DATA, "options": {"store": False, "deliverTo": TARGET}}
    how = {"principal": scene.project.principal, "body": body}
    answer = cloud.invoke(
        "create_render", event("create_render", **how, headers={"Accept": "application/pdf"})
    )
    assert answer["statusCode"] == 400
    assert "deliverTo" in answer["body"]
    assert SIGNATURE not in answer["body"]
