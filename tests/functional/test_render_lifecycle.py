"""How a render ends, also if its worker crashes. Tests advance the clock and never wait."""

import hashlib
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.dynamodb.models import DynamoDBBackend

from craftkit.dynamodb import size_bytes
from craftkit.errors import QueueUnavailableError
from craftkit.renders import dispatch, lifecycle
from craftkit.renders.lifecycle import BusyError
from craftkit.renders.models import Render
from craftkit.renders.repository import Due
from craftkit.renders.stale import StaleRenders, requeue_stale_renders
from craftkit.templates import service as templates
from craftkit.typesetter import Job, SourceError
from testkit.clock import FrozenClock
from testkit.cloud import Cloud
from testkit.project import DATA, DemoProject, make_project
from testkit.typesetter import PDF, FakeTypesetter
from typesetting.worker import render_document

HEADERS = {"Idempotency-Key": "order-4711"}


class KilledError(BaseException):
    """Simulates a killed worker: not an `Exception`, so no later code of the worker runs."""


@pytest.fixture
def queued(clock: FrozenClock, call: Any, project: DemoProject) -> str:
    answer = call("create_render", project, body={"data": DATA}, headers=HEADERS)
    return str(answer.body["id"])


def work(project: DemoProject, render_id: str, typesetter: Any) -> Render | None:
    return render_document(project.id, render_id, typeset=typesetter)


def kill(_job: Job) -> None:
    raise KilledError


def test_worker__stores_the_pdf_and_finishes_the_render(
    cloud: Cloud, project: DemoProject, queued: str, typesetter: FakeTypesetter
) -> None:
    render = work(project, queued, typesetter)
    assert render and render.status == "succeeded"
    assert (render.page_count, render.size_bytes) == (1, len(PDF))
    kept = boto3.client("s3").get_object(
        Bucket=cloud.names["DocumentsBucket"], Key=f"renders/{project.id}/{queued}.pdf"
    )
    assert kept["Body"].read() == PDF


@pytest.mark.parametrize(("mode", "watermark"), [("test", True), ("live", False)])
def test_worker__watermarks_test_renders_only(
    cloud: Cloud, call: Any, typesetter: FakeTypesetter, mode: Any, watermark: bool
) -> None:
    project = make_project(mode)
    id_ = call("create_render", project, body={"data": DATA}).body["id"]
    work(project, id_, typesetter)
    assert typesetter.jobs[0].watermark is watermark


def test_worker__a_source_that_fails_at_run_time_fails_the_render_with_a_message(
    project: DemoProject, queued: str, typesetter: FakeTypesetter
) -> None:
    typesetter.failure = SourceError("cannot divide by zero", line=3, column=7)
    render = work(project, queued, typesetter)
    assert render and render.status == "failed"
    assert render.error_code == "template_error"
    assert "cannot divide by zero" in str(render.error_message)


def test_worker__the_same_message_twice_renders_once(
    project: DemoProject, queued: str, typesetter: FakeTypesetter
) -> None:
    work(project, queued, typesetter)
    assert work(project, queued, typesetter) is None
    assert len(typesetter.jobs) == 1


def test_worker__a_message_for_a_render_in_progress_waits(
    project: DemoProject, queued: str, typesetter: FakeTypesetter
) -> None:
    def meanwhile(_job: Job) -> None:
        with pytest.raises(BusyError):
            work(project, queued, typesetter)

    typesetter.before = meanwhile
    render = work(project, queued, typesetter)
    assert render and render.status == "succeeded"


def test_worker__after_a_crash_the_next_worker_finishes_the_render_once(
    clock: FrozenClock, project: DemoProject, queued: str, typesetter: FakeTypesetter
) -> None:
    typesetter.before = kill
    with pytest.raises(KilledError):
        work(project, queued, typesetter)
    typesetter.before = None
    with pytest.raises(BusyError):
        work(project, queued, typesetter)
    clock.now += lifecycle.LEASE
    render = work(project, queued, typesetter)
    assert render and (render.status, render.attempt) == ("succeeded", 2)
    assert work(project, queued, typesetter) is None


def test_worker__after_a_crash_in_each_attempt_the_render_fails(
    clock: FrozenClock, project: DemoProject, queued: str, typesetter: FakeTypesetter
) -> None:
    typesetter.before = kill
    for _ in range(lifecycle.ATTEMPTS):
        with pytest.raises(KilledError):
            work(project, queued, typesetter)
        clock.now += lifecycle.LEASE
    render = work(project, queued, typesetter)
    assert render and (render.status, render.error_code) == ("failed", "worker_failed")
    assert len(typesetter.jobs) == lifecycle.ATTEMPTS


def test_worker__a_worker_without_its_lease_cannot_finish_the_render(
    clock: FrozenClock, project: DemoProject, queued: str, typesetter: FakeTypesetter
) -> None:
    second = FakeTypesetter()

    def overtaken(_job: Job) -> None:
        typesetter.before = None
        clock.now += lifecycle.LEASE
        render = work(project, queued, second)
        assert render and render.status == "succeeded"

    typesetter.before = overtaken
    assert work(project, queued, typesetter) is None


def test_worker__a_transient_error_releases_the_render_at_once(
    project: DemoProject, queued: str, typesetter: FakeTypesetter, monkeypatch: Any
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("craftkit.storage.put", lambda *_args, **_how: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            work(project, queued, typesetter)
    render = work(project, queued, typesetter)
    assert render and (render.status, render.attempt) == ("succeeded", 2)


def test_sync__is_200_with_the_finished_render(
    call: Any, project: DemoProject, typesetter: FakeTypesetter, monkeypatch: Any
) -> None:
    def rendered(render: Render) -> Render | None:
        return render_document(render.project_id, render.id, typeset=typesetter)

    monkeypatch.setattr(dispatch, "call", rendered)
    body = {"data": DATA, "options": {"sync": True}}
    answer = call("create_render", project, body=body)
    assert (answer.status, answer.body["status"]) == (200, "succeeded")
    assert answer.body["downloadUrl"]


def test_sync__a_failed_render_is_422_in_the_envelope_with_the_render(
    call: Any, project: DemoProject, monkeypatch: Any
) -> None:
    failing = FakeTypesetter()
    failing.failure = SourceError("unknown variable: totl")

    def rendered(render: Render) -> Render | None:
        return render_document(render.project_id, render.id, typeset=failing)

    monkeypatch.setattr(dispatch, "call", rendered)
    body = {"data": DATA, "options": {"sync": True}}
    answer = call("create_render", project, body=body)
    assert (answer.status, answer.code) == (422, "render_failed")
    error = answer.body["error"]
    assert "unknown variable: totl" in error["message"]
    assert (error["render"]["status"], error["render"]["errorCode"]) == ("failed", "template_error")
    read = call("get_render", project, path={"id": error["render"]["id"]})
    assert (read.status, read.body["status"]) == (200, "failed")


def test_sync__no_worker_in_time_is_202_and_queued(
    cloud: Cloud, call: Any, project: DemoProject, monkeypatch: Any
) -> None:
    monkeypatch.setattr(dispatch, "call", lambda _render: None)
    body = {"data": DATA, "options": {"sync": True}}
    answer = call("create_render", project, body=body)
    assert (answer.status, answer.body["status"]) == (202, "queued")
    assert len(cloud.messages("TestQueue")) == 1


INVOICE = {
    "number": "2026-0311-4711",
    "customer": {"name": "Analytical Engines Limited, 12 Saint James's Square, London"},
    "items": [
        {"name": "Difference engine, second series", "qty": 2, "price": "600.00"},
        {"name": "Punched cards, box of a thousand", "qty": 12, "price": "24.50"},
        {"name": "Instruction on site, two days", "qty": 1, "price": "1850.00"},
        {"name": "Freight and insurance", "qty": 1, "price": "120.00"},
    ],
    "total": "3464.00",
}
SYNC = {"data": DATA, "options": {"sync": True}}


def test_sync__calls_above_the_projects_concurrency_are_queued(
    cloud: Cloud, call: Any, project: DemoProject, typesetter: FakeTypesetter, monkeypatch: Any
) -> None:
    other = make_project(name="Other")
    limit = int(cloud.environment("CreateRenderFunction")["SYNC_RENDERS_PER_PROJECT"])
    answers = []

    def slow(render: Render) -> Render | None:
        """While it runs, the same project requests another one, until the limit is reached."""
        answers.append(call("create_render", project, body=SYNC))
        return render_document(render.project_id, render.id, typeset=typesetter)

    monkeypatch.setattr(dispatch, "call", slow)
    answers.append(call("create_render", project, body=SYNC))
    assert [answer.status for answer in answers] == [202] + [200] * limit
    assert answers[0].body["status"] == "queued"
    assert len(cloud.messages("TestQueue")) == 1

    def rendered(render: Render) -> Render | None:
        return render_document(render.project_id, render.id, typeset=typesetter)

    monkeypatch.setattr(dispatch, "call", rendered)
    assert call("create_render", project, body=SYNC).status == 200
    assert call("create_render", other, body=SYNC).status == 200


def test_sync__a_running_worker_counts_until_its_lease_expires(
    cloud: Cloud, call: Any, project: DemoProject, clock: FrozenClock, monkeypatch: Any
) -> None:
    called = []

    def endless(render: Render) -> Render | None:
        called.append(render.id)
        raise dispatch.StillRunningError

    monkeypatch.setattr(dispatch, "call", endless)
    limit = int(cloud.environment("CreateRenderFunction")["SYNC_RENDERS_PER_PROJECT"])
    answers = [call("create_render", project, body=SYNC) for _ in range(limit + 3)]
    assert {answer.status for answer in answers} == {202}
    assert len(called) == limit
    clock.advance(seconds=76)
    call("create_render", project, body=SYNC)
    assert len(called) == limit + 1


def test_idempotency__a_failed_render_is_tried_again_as_its_next_attempt(
    cloud: Cloud, call: Any, project: DemoProject, queued: str, typesetter: FakeTypesetter
) -> None:
    typesetter.failure = SourceError("no")
    work(project, queued, typesetter)
    cloud.messages("TestQueue")
    answer = call("create_render", project, body={"data": DATA}, headers=HEADERS)
    assert (answer.status, answer.body["id"]) == (202, queued)
    assert (answer.body["status"], answer.body["attempt"]) == ("queued", 2)
    assert answer.body["errorCode"] is None
    assert len(cloud.messages("TestQueue")) == 1
    typesetter.failure = None
    render = work(project, queued, typesetter)
    assert render and render.status == "succeeded"


def test_idempotency__a_retry_that_cannot_be_queued_stays_failed(
    call: Any, project: DemoProject, queued: str, typesetter: FakeTypesetter, monkeypatch: Any
) -> None:
    typesetter.failure = SourceError("no")
    work(project, queued, typesetter)

    def refuse(_render: Render) -> None:
        raise QueueUnavailableError

    monkeypatch.setattr(dispatch, "enqueue", refuse)
    answer = call("create_render", project, body={"data": DATA}, headers=HEADERS)
    assert answer.status == 503
    body = call("get_render", project, path={"id": queued}).body
    assert (body["status"], body["errorCode"]) == ("failed", "template_error")


def test_requeue_stale_renders__skips_renders_that_are_not_due(queued: str) -> None:
    assert requeue_stale_renders().requeued == 0


def test_requeue_stale_renders__queues_renders_that_waited_too_long(
    cloud: Cloud, clock: FrozenClock, queued: str
) -> None:
    cloud.messages("TestQueue")
    clock.now += lifecycle.QUEUED_PATIENCE
    assert requeue_stale_renders().requeued == 1
    assert [message["renderId"] for message in cloud.messages("TestQueue")] == [queued]
    assert requeue_stale_renders().requeued == 0


def test_requeue_stale_renders__queues_renders_of_crashed_workers(
    cloud: Cloud, clock: FrozenClock, project: DemoProject, queued: str, typesetter: FakeTypesetter
) -> None:
    typesetter.before = kill
    with pytest.raises(KilledError):
        work(project, queued, typesetter)
    cloud.messages("TestQueue")
    clock.now += lifecycle.FIRST_CHECK
    assert requeue_stale_renders().requeued == 1
    typesetter.before = None
    render = work(project, queued, typesetter)
    assert render and render.status == "succeeded"


def test_requeue_stale_renders__does_not_requeue_renders_of_a_long_queue(
    cloud: Cloud, clock: FrozenClock, queued: str
) -> None:
    cloud.messages("TestQueue")
    clock.now += lifecycle.FIRST_CHECK
    for _ in range(2):
        assert requeue_stale_renders() == StaleRenders()
    assert cloud.messages("TestQueue") == []
    clock.now += lifecycle.QUEUED_PATIENCE - lifecycle.FIRST_CHECK
    assert requeue_stale_renders() == StaleRenders(requeued=1)


def test_requeue_stale_renders__checks_again_after_the_lease_of_a_worker(
    cloud: Cloud, clock: FrozenClock, project: DemoProject, queued: str
) -> None:
    cloud.messages("TestQueue")
    clock.now += lifecycle.FIRST_CHECK
    lifecycle.claim(project.id, queued, clock())
    assert requeue_stale_renders() == StaleRenders()
    clock.now += lifecycle.LEASE
    assert requeue_stale_renders() == StaleRenders()
    clock.now += lifecycle.CHECK_AFTER_LEASE
    assert requeue_stale_renders() == StaleRenders(requeued=1)


def test_render__writes_its_index_entry_once_and_removes_it_once(
    cloud: Cloud, project: DemoProject, queued: str, typesetter: FakeTypesetter
) -> None:
    key = {"project_id": project.id, "render_id": queued}
    entries = []
    typesetter.before = lambda _job: entries.append(cloud.table("RendersTable").get_item(Key=key))
    first = cloud.table("RendersTable").get_item(Key=key)["Item"]
    work(project, queued, typesetter)
    last = cloud.table("RendersTable").get_item(Key=key)["Item"]
    [during] = [answer["Item"] for answer in entries]
    assert during["status"] == "rendering"
    assert (during["unfinished"], during["due_at"]) == (first["unfinished"], first["due_at"])
    assert not {"unfinished", "due_at"} & set(last)


def test_render__the_row_of_a_typical_render_is_always_one_write_unit(
    cloud: Cloud, call: Any, typesetter: FakeTypesetter
) -> None:
    project = make_project("live")
    body = {"data": INVOICE, "metadata": {"orderId": "4711"}}
    rows: list[dict[str, Any]] = []

    def read(_job: Job | None = None) -> None:
        found = cloud.table("RendersTable").scan()["Items"]
        rows.extend(row for row in found if row["project_id"] == project.id)

    typesetter.before = read
    id_ = call("create_render", project, body=body, headers={"Idempotency-Key": "o"}).body["id"]
    read()
    work(project, id_, typesetter)
    read()
    renders = [row for row in rows if "status" in row]
    assert [row["status"] for row in renders] == ["queued", "rendering", "succeeded"]
    assert all("input" in row for row in renders)
    assert max(size_bytes(row) for row in renders) <= 1024


@pytest.mark.parametrize(("items", "where"), [(3, "input"), (60, "input_item"), (900, "input_key")])
def test_render__data_is_stored_where_its_writes_cost_least(
    cloud: Cloud,
    call: Any,
    project: DemoProject,
    typesetter: FakeTypesetter,
    items: int,
    where: str,
) -> None:
    names = (hashlib.sha256(str(number).encode()).hexdigest() for number in range(items))
    lines = [{"name": name[:20], "qty": 1, "price": "1.00"} for name in names]
    body = {"data": {**DATA, "items": lines}}
    id_ = call("create_render", project, body=body).body["id"]
    key = {"project_id": project.id, "render_id": id_}
    row = cloud.table("RendersTable").get_item(Key=key)["Item"]
    assert where in row
    assert size_bytes(row) <= 1024
    render = work(project, id_, typesetter)
    assert render and render.status == "succeeded"
    assert [each["name"] for each in typesetter.jobs[0].data["items"]] == [
        each["name"] for each in lines
    ]


def test_create_render__a_lost_table_response_creates_no_second_render(
    cloud: Cloud, call: Any, project: DemoProject, monkeypatch: Any
) -> None:
    put = DynamoDBBackend.put_item

    def twice(*args: Any, **how: Any) -> Any:
        """The SDK repeats a call whose response was lost."""
        put(*args, **how)
        return put(*args, **how)

    monkeypatch.setattr(DynamoDBBackend, "put_item", twice)
    answer = call("create_render", project, body={"data": DATA})
    assert answer.status == 202
    assert [message["renderId"] for message in cloud.messages("TestQueue")] == [answer.body["id"]]


def test_requeue_stale_renders__ends_renders_without_attempts_left(
    clock: FrozenClock, call: Any, project: DemoProject, queued: str
) -> None:
    clock.advance(hours=25)
    assert requeue_stale_renders().ended == 1
    body = call("get_render", project, path={"id": queued}).body
    assert (body["status"], body["errorCode"]) == ("failed", "worker_failed")
    assert requeue_stale_renders() == type(requeue_stale_renders())()


def test_requeue_stale_renders__a_repeated_render_has_24_hours_of_its_own(
    clock: FrozenClock, call: Any, project: DemoProject, queued: str, typesetter: FakeTypesetter
) -> None:
    typesetter.failure = SourceError("no")
    work(project, queued, typesetter)
    clock.advance(days=3)
    call("create_render", project, body={"data": DATA}, headers=HEADERS)
    clock.now += lifecycle.QUEUED_PATIENCE
    assert (requeue_stale_renders().requeued, requeue_stale_renders().ended) == (1, 0)
    body = call("get_render", project, path={"id": queued}).body
    assert body["status"] == "queued"


def test_idempotency__a_retry_extends_the_rows_retention(
    cloud: Cloud,
    clock: FrozenClock,
    call: Any,
    project: DemoProject,
    queued: str,
    typesetter: FakeTypesetter,
) -> None:
    typesetter.failure = SourceError("no")
    work(project, queued, typesetter)
    clock.advance(days=6)
    call("create_render", project, body={"data": DATA}, headers=HEADERS)
    key = {"project_id": project.id, "render_id": queued}
    row = cloud.table("RendersTable").get_item(Key=key)["Item"]
    assert row["expires_at"] == int(clock.now.timestamp()) + 7 * 86400


def test_worker__a_deleted_template_fails_the_render_at_once(
    project: DemoProject, queued: str, typesetter: FakeTypesetter, clock: FrozenClock
) -> None:
    templates.delete_template(project.id, "invoice", by="ada")
    clock.advance(minutes=2)
    render = work(project, queued, typesetter)
    assert render and (render.status, render.error_code) == ("failed", "template_not_found")


def test_requeue_stale_renders__an_error_of_one_render_does_not_delay_the_others(
    cloud: Cloud, clock: FrozenClock, call: Any, project: DemoProject, monkeypatch: Any
) -> None:
    ids = [str(call("create_render", project, body={"data": DATA}).body["id"]) for _ in range(3)]
    cloud.messages("TestQueue")
    clock.now += lifecycle.QUEUED_PATIENCE
    postpone = lifecycle.postpone

    def throttled(due: Due, *rest: Any) -> bool:
        if due.render_id == ids[0]:
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "UpdateItem")
        return postpone(due, *rest)

    monkeypatch.setattr(lifecycle, "postpone", throttled)
    assert requeue_stale_renders().requeued == 2


def test_cancel__a_retried_render_can_be_cancelled(
    call: Any, project: DemoProject, queued: str, typesetter: FakeTypesetter
) -> None:
    typesetter.failure = SourceError("no")
    work(project, queued, typesetter)
    call("create_render", project, body={"data": DATA}, headers=HEADERS)
    answer = call("cancel_render", project, path={"id": queued})
    assert (answer.status, answer.body["status"]) == (200, "cancelled")
    assert work(project, queued, typesetter) is None
