"""A batch from the request to its last document, whatever happens to its workers."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import boto3
import pytest

from craftkit.auth.principal import LIMITED
from craftkit.batches import assembly, progress, repository
from craftkit.batches.models import Batch
from craftkit.errors import QuotaExceededError
from craftkit.keys import limiting
from craftkit.limits import service as limits
from craftkit.limits.models import LimitsChange
from craftkit.renders.lifecycle import ATTEMPTS, LEASE, BusyError
from craftkit.templates import service as templates
from craftkit.typesetter import Job, SourceError
from testkit.clock import FrozenClock
from testkit.cloud import Cloud
from testkit.project import DATA, DemoProject, make_project, publish
from testkit.streams import Stream
from testkit.template import ROOT
from testkit.typesetter import PDF, FakeTypesetter
from tests.functional.conftest import Answer
from typesetting import chunks
from typesetting.chunks import render_chunk

Call = Callable[..., Answer]
INVOICE_MANIFEST = ROOT / "layers/craftkit/craftkit/templates/gallery/invoice/manifest.json"
INVALID = {"customer": {}, "total": "x"}
LIVE = {"queue": "LiveQueue", "worker": "LiveWorkerFunction"}


class KilledError(BaseException):
    """Simulates a killed worker: not an `Exception`, so no later code of the worker runs."""


def body(count: int, **fields: Any) -> dict[str, Any]:
    return {"templateSlug": "invoice", "items": [{"data": DATA}] * count, **fields}


@pytest.fixture
def create(call: Call, project: DemoProject) -> Callable[..., Answer]:
    def made(count: int = 3, *, of: DemoProject | None = None, **fields: Any) -> Answer:
        headers = fields.pop("headers", None)
        return call("create_batch", of or project, body=body(count, **fields), headers=headers)

    return made


class Workers:
    """Runs the workers and the check of batches on the queued messages."""

    def __init__(self, cloud: Cloud, typesetter: Any) -> None:
        self.cloud, self.typesetter = cloud, typesetter

    def messages(self) -> list[dict[str, Any]]:
        return self.cloud.messages("TestQueue") + self.cloud.messages("LiveQueue")

    def render(self, message: dict[str, Any]) -> None:
        function = "LiveWorkerFunction" if self.is_live(message) else "TestWorkerFunction"
        with self.cloud.as_function(function):
            render_chunk(
                message["projectId"],
                message["batchId"],
                message["chunk"],
                typeset=self.typesetter,
            )

    def is_live(self, message: dict[str, Any]) -> bool:
        row = self.cloud.table("BatchesTable").get_item(
            Key={"project_id": message["projectId"], "batch_id": message["chunk"]}
        )["Item"]
        return bool(row["mode"] == "live")

    def check(self) -> None:
        """Run the function of the batches queue."""
        self.check_each(*self.cloud.messages("BatchesQueue"))

    def check_each(self, *messages: dict[str, Any]) -> None:
        records = [{"body": json.dumps(each)} for each in messages]
        self.cloud.invoke("check_batches", {"Records": records})

    def queue_due(self) -> None:
        """Run the same function as its schedule does."""
        self.cloud.invoke("check_batches", {"source": "aws.events"})

    def check_due(self) -> None:
        self.queue_due()
        self.check()

    def run(self) -> None:
        """Run the workers until no message is queued."""
        while messages := self.messages():
            for message in messages:
                self.render(message)
        self.check()


@pytest.fixture
def workers(cloud: Cloud, typesetter: FakeTypesetter) -> Workers:
    return Workers(cloud, typesetter)


class Limited:
    """The project with limits, and its key as the authorizer describes it."""

    def __init__(self, project: DemoProject) -> None:
        self.id = project.id
        self.key = project.key
        self.principal = replace(project.principal, limited=frozenset(LIMITED))


def limit_project(project: DemoProject, renders_per_day: int) -> Limited:
    change = LimitsChange(renders_per_day=renders_per_day)
    limiting.limit_project(project.id, change, by="tester")
    return Limited(project)


def used(project: Any) -> int:
    state = limits.limits_of("project", project.id)
    assert state
    return state.renders_today


def counts(answer: Answer) -> dict[str, int]:
    return {name: number for name, number in answer.body["counts"].items() if number}


def read(call: Call, project: DemoProject, batch_id: str) -> Answer:
    return call("get_batch", project, path={"id": batch_id})


def items(call: Call, project: DemoProject, batch_id: str, **query: str) -> list[dict[str, Any]]:
    answer = call("list_batch_items", project, path={"id": batch_id}, query=query)
    assert answer.status == 200, answer.body
    return list(answer.body["items"])


def test_create_batch__is_202_and_renders_every_item(
    call: Call, create: Any, project: DemoProject, workers: Workers, cloud: Cloud
) -> None:
    made = create(120)
    assert (made.status, made.body["status"]) == (202, "running")
    assert counts(made) == {"total": 120, "queued": 120}
    assert made.body["pollUrl"].endswith(f"/v1/batches/{made.body['id']}")
    workers.run()
    batch = read(call, project, made.body["id"])
    assert batch.body["status"] == "completed"
    assert counts(batch) == {"total": 120, "succeeded": 120}
    assert batch.body["pageCount"] == 120
    first = items(call, project, made.body["id"], limit="2")[0]
    assert (first["row"], first["status"], first["filename"]) == (
        1,
        "succeeded",
        "invoice-000001.pdf",
    )
    key = f"batches/{project.id}/{made.body['id']}/files/000001.pdf"
    stored = boto3.client("s3").get_object(Bucket=cloud.names["DocumentsBucket"], Key=key)
    assert stored["Body"].read() == PDF
    assert key in first["downloadUrl"]


def test_create_batch__many_documents_are_one_message_and_one_row(
    create: Any, cloud: Cloud
) -> None:
    create(120)
    assert len(cloud.messages("TestQueue")) == 3
    assert cloud.table("BatchesTable").scan()["Count"] == 1 + 3


def test_create_batch__the_messages_are_shared_fairly_by_project(
    create: Any, cloud: Cloud, project: DemoProject
) -> None:
    create(60)
    assert cloud.groups("TestQueue") == [project.id, project.id]


def test_create_batch__one_invalid_item_refuses_all_and_charges_nothing(
    call: Call, project: DemoProject, cloud: Cloud
) -> None:
    limited = limit_project(project, 1)
    wrong = body(2)
    wrong["items"] = [{"data": DATA}, {"data": INVALID, "jobId": "order-2"}]
    made = call("create_batch", limited, body=wrong)
    assert (made.status, made.body["status"]) == (202, "refused")
    assert made.body["errorCode"] == "invalid_input_data"
    assert counts(made) == {"total": 2, "cancelled": 1, "invalid": 1}
    [row] = items(call, project, made.body["id"], status="invalid")
    assert (row["row"], row["jobId"]) == (2, "order-2")
    assert set(row["issues"]["fieldErrors"]) == {"customer.name", "items", "total"}
    assert cloud.messages("TestQueue") == []
    assert used(project) == 0


def test_create_batch__skip_renders_the_valid_items(
    call: Call, project: DemoProject, workers: Workers
) -> None:
    wrong = body(1, onInvalid="skip")
    wrong["items"] = [{"data": INVALID}, {"data": DATA}]
    made = call("create_batch", project, body=wrong)
    workers.run()
    batch = read(call, project, made.body["id"])
    assert counts(batch) == {"total": 2, "succeeded": 1, "invalid": 1}
    assert [(each["row"], each["status"]) for each in items(call, project, made.body["id"])] == [
        (2, "succeeded"),
        (1, "invalid"),
    ]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"items": []}, "items"),
        ({"items": [{"data": DATA}] * 1001}, "items"),
        ({"items": [{}]}, "items.0.data"),
        ({"items": [{"data": DATA, "filname": "a.pdf"}]}, "items.0.filname"),
        ({"options": {"sync": True}}, "options.sync"),
        ({"options": {"filename": "a.pdf"}}, "options.filename"),
        ({"output": "tar"}, "output"),
        ({"onInvalid": "ignore"}, "onInvalid"),
    ],
)
def test_create_batch__unsupported_options_are_400(
    call: Call, project: DemoProject, change: dict[str, Any], path: str
) -> None:
    answer = call("create_batch", project, body={**body(1), **change})
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert path in answer.field_errors


def test_create_batch__invoice_false_makes_documents_without_electronic_invoices(
    call: Call, project: DemoProject
) -> None:
    publish(project.id, "mapped", json.loads(INVOICE_MANIFEST.read_text(encoding="utf-8")))
    wanted = {"templateSlug": "mapped", "items": [{"data": {}}]}
    refused = call("create_batch", project, body=wanted)
    assert (refused.status, refused.code) == (400, "invalid_request")
    assert "options.invoice" in refused.field_errors
    made = call("create_batch", project, body={**wanted, "options": {"invoice": False}})
    assert made.status == 202


def test_create_batch__a_file_name_of_another_format_is_400(
    call: Call, project: DemoProject
) -> None:
    wrong = body(1, options={"format": "png"})
    wrong["items"] = [{"data": DATA, "filename": "a.pdf"}]
    assert call("create_batch", project, body=wrong).status == 400


def test_create_batch__a_budget_accepts_all_items_or_none(
    create: Any, project: DemoProject, cloud: Cloud
) -> None:
    limited = limit_project(project, 5)
    refused = create(6, of=limited)
    assert (refused.status, refused.code) == (429, "quota_exceeded")
    assert "needs 6 renders" in refused.body["error"]["message"]
    assert cloud.table("BatchesTable").scan()["Count"] == 0
    assert create(4, of=limited).status == 202
    assert create(2, of=limited).status == 429
    assert create(1, of=limited).status == 202
    assert used(project) == 5


def test_create_batch__the_same_idempotent_request_is_one_batch_and_one_charge(
    create: Any, project: DemoProject
) -> None:
    limited = limit_project(project, 4)
    headers = {"Idempotency-Key": "march"}
    first, second = create(2, headers=headers, of=limited), create(2, headers=headers, of=limited)
    assert (first.status, second.status) == (202, 200)
    assert first.body["id"] == second.body["id"]
    assert used(project) == 2
    other = create(1, headers=headers, of=limited)
    assert (other.status, other.code) == (409, "idempotency_conflict")


def test_create_batch__a_repeat_is_answered_when_the_budget_is_used(
    create: Any, project: DemoProject
) -> None:
    limited = limit_project(project, 2)
    headers = {"Idempotency-Key": "march"}
    first = create(2, headers=headers, of=limited)
    assert first.body["id"] == create(2, headers=headers, of=limited).body["id"]


def test_batches__another_mode_project_or_template_is_404(
    call: Call, create: Any, project: DemoProject
) -> None:
    made = create(1).body["id"]
    live = make_project("live")
    for route in ("get_batch", "list_batch_items", "cancel_batch", "retry_batch"):
        answer = call(route, live, path={"id": made})
        assert (answer.status, answer.code) == (404, "not_found"), route
    assert call("list_batches", live).body["batches"] == []
    assert [each["id"] for each in call("list_batches", project).body["batches"]] == [made]


def test_create_batch__a_key_of_another_template_is_403(call: Call, cloud: Cloud) -> None:
    confined = make_project(templates=("another",))
    answer = call("create_batch", confined, body=body(1))
    assert (answer.status, answer.code) == (403, "insufficient_scope")


def test_list_batches__pages_are_newest_first(call: Call, create: Any, project: Any) -> None:
    made = [create(1).body["id"] for _ in range(3)]
    page = call("list_batches", project, query={"limit": "2"}).body
    assert [each["id"] for each in page["batches"]] == made[:0:-1]
    rest = call("list_batches", project, query={"limit": "2", "cursor": page["nextCursor"]}).body
    assert [each["id"] for each in rest["batches"]] == made[:1]
    assert rest["nextCursor"] is None


def test_list_batch_items__pages_hold_each_row_once(
    call: Call, project: DemoProject, workers: Workers
) -> None:
    made = call(
        "create_batch",
        project,
        body={**body(1), "onInvalid": "skip", "items": [{"data": DATA}] * 60 + [{"data": {}}] * 3},
    ).body["id"]
    workers.run()
    rows: list[int] = []
    query = {"limit": "25"}
    while True:
        answer = call("list_batch_items", project, path={"id": made}, query=query)
        rows += [each["row"] for each in answer.body["items"]]
        if answer.body["nextCursor"] is None:
            break
        query = {"limit": "25", "cursor": answer.body["nextCursor"]}
    assert rows == list(range(1, 64))


def test_worker__one_failed_document_does_not_affect_the_others(
    call: Call, create: Any, project: DemoProject, workers: Workers, typesetter: FakeTypesetter
) -> None:
    def third_fails(_job: Job) -> None:
        if len(typesetter.jobs) == 3:
            raise SourceError("cannot divide by zero", line=3, column=7)

    typesetter.before = third_fails
    made = create(5).body["id"]
    workers.run()
    assert counts(read(call, project, made)) == {"total": 5, "succeeded": 4, "failed": 1}
    [failed] = items(call, project, made, status="failed")
    assert (failed["row"], failed["errorCode"]) == (3, "template_error")


def test_retry_batch__renders_the_failed_rows_alone(
    call: Call, create: Any, project: DemoProject, workers: Workers, typesetter: FakeTypesetter
) -> None:
    typesetter.failure = SourceError("cannot divide by zero", line=3, column=7)
    made = create(2).body["id"]
    workers.run()
    typesetter.failure = None
    typesetter.jobs.clear()
    answer = call("retry_batch", project, path={"id": made})
    assert (answer.status, answer.body["status"]) == (202, "running")
    assert counts(answer) == {"total": 2, "queued": 2}
    workers.run()
    batch = read(call, project, made)
    assert (batch.body["status"], batch.body["attempt"]) == ("completed", 2)
    assert counts(batch) == {"total": 2, "succeeded": 2}
    assert len(typesetter.jobs) == 2
    assert [each["status"] for each in items(call, project, made)] == ["succeeded"] * 2
    again = call("retry_batch", project, path={"id": made})
    assert (again.status, again.code) == (409, "conflict")


def test_retry_batch__is_charged_like_new_documents(
    call: Call, create: Any, project: DemoProject, workers: Workers, typesetter: FakeTypesetter
) -> None:
    limited = limit_project(project, 3)
    typesetter.failure = SourceError("cannot divide by zero", line=3, column=7)
    made = create(2, of=limited).body["id"]
    workers.run()
    refused = call("retry_batch", limited, path={"id": made})
    assert (refused.status, refused.code) == (429, "quota_exceeded")
    assert read(call, project, made).body["status"] == "completed"


def test_cancel_batch__chunks_that_no_worker_started_are_not_rendered(
    call: Call, create: Any, project: DemoProject, workers: Workers, typesetter: FakeTypesetter
) -> None:
    made = create(120).body["id"]
    first, *rest = workers.messages()
    workers.render(first)
    answer = call("cancel_batch", project, path={"id": made})
    assert (answer.status, answer.body["status"]) == (200, "cancelled")
    for message in rest:
        workers.render(message)
    workers.check()
    assert len(typesetter.jobs) == 50
    batch = read(call, project, made)
    assert batch.body["status"] == "cancelled"
    assert counts(batch) == {"total": 120, "succeeded": 50, "cancelled": 70}
    assert len(items(call, project, made, status="cancelled", limit="100")) == 70
    again = call("cancel_batch", project, path={"id": made})
    assert (again.status, again.code) == (409, "not_cancellable")


def test_worker__the_same_message_twice_renders_once(
    create: Any, workers: Workers, typesetter: FakeTypesetter
) -> None:
    create(3)
    [message] = workers.messages()
    workers.render(message)
    workers.render(message)
    assert len(typesetter.jobs) == 3


def test_worker__a_chunk_in_work_waits(
    create: Any, workers: Workers, typesetter: FakeTypesetter
) -> None:
    create(1)
    [message] = workers.messages()

    def meanwhile(_job: Job) -> None:
        with pytest.raises(BusyError):
            workers.render(message)

    typesetter.before = meanwhile
    workers.render(message)
    assert len(typesetter.jobs) == 1


def test_worker__killed_half_way_every_document_ends_once(
    clock: FrozenClock,
    call: Call,
    create: Any,
    project: DemoProject,
    workers: Workers,
    typesetter: FakeTypesetter,
) -> None:
    def killed(_job: Job) -> None:
        if len(typesetter.jobs) == 3:
            raise KilledError

    typesetter.before = killed
    made = create(5).body["id"]
    [message] = workers.messages()
    with pytest.raises(KilledError):
        workers.render(message)
    clock.now += LEASE
    workers.render(message)
    workers.check()
    batch = read(call, project, made)
    assert batch.body["status"] == "completed"
    assert counts(batch) == {"total": 5, "succeeded": 5}
    assert [each["row"] for each in items(call, project, made)] == [1, 2, 3, 4, 5]


def test_worker__killed_each_time_the_documents_end_as_failed(
    clock: FrozenClock,
    call: Call,
    create: Any,
    project: DemoProject,
    workers: Workers,
    typesetter: FakeTypesetter,
) -> None:
    def killed(_job: Job) -> None:
        raise KilledError

    typesetter.before = killed
    made = create(2).body["id"]
    [message] = workers.messages()
    for _ in range(ATTEMPTS):
        with pytest.raises(KilledError):
            workers.render(message)
        clock.now += LEASE
    workers.render(message)
    workers.check()
    assert counts(read(call, project, made)) == {"total": 2, "failed": 2}
    assert {each["errorCode"] for each in items(call, project, made)} == {"worker_failed"}


def test_worker__a_worker_without_its_lease_counts_nothing(
    clock: FrozenClock,
    call: Call,
    create: Any,
    project: DemoProject,
    workers: Workers,
    typesetter: FakeTypesetter,
) -> None:
    made = create(3).body["id"]
    [message] = workers.messages()

    def overtaken(_job: Job) -> None:
        typesetter.before = None
        clock.now += LEASE
        workers.render(message)

    typesetter.before = overtaken
    workers.render(message)
    workers.check()
    assert counts(read(call, project, made)) == {"total": 3, "succeeded": 3}
    assert [each["row"] for each in items(call, project, made)] == [1, 2, 3]


def test_worker__slow_documents_leave_room_for_others(
    call: Call,
    create: Any,
    project: DemoProject,
    workers: Workers,
    typesetter: FakeTypesetter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chunks, "monotonic", lambda: float(len(typesetter.jobs)))
    monkeypatch.setattr(chunks, "SLICE_SECONDS", 1.5)
    made = create(5).body["id"]
    [message] = workers.messages()
    workers.render(message)
    assert len(typesetter.jobs) == 2
    assert counts(read(call, project, made)) == {"total": 5, "queued": 5}
    assert [each["status"] for each in items(call, project, made)] == ["succeeded"] * 2 + [
        "queued"
    ] * 3
    workers.run()
    assert counts(read(call, project, made)) == {"total": 5, "succeeded": 5}
    assert len(typesetter.jobs) == 5


def test_worker__a_deleted_template_fails_the_documents_with_its_code(
    clock: FrozenClock, call: Call, create: Any, project: DemoProject, workers: Workers
) -> None:
    made = create(2).body["id"]
    clock.now += timedelta(hours=1)  # the version is cached until then
    templates.delete_template(project.id, "invoice", by="tester")
    workers.run()
    assert counts(read(call, project, made)) == {"total": 2, "failed": 2}


def test_check_batches__lost_messages_are_sent_again(
    clock: FrozenClock, call: Call, create: Any, project: DemoProject, workers: Workers
) -> None:
    made = create(60).body["id"]
    workers.messages()
    clock.now += timedelta(minutes=16)
    workers.check_due()
    workers.run()
    assert counts(read(call, project, made)) == {"total": 60, "succeeded": 60}


def test_check_batches__a_batch_whose_completion_was_lost_completes_within_minutes(
    clock: FrozenClock, call: Call, create: Any, project: DemoProject, workers: Workers, cloud: Any
) -> None:
    made = create(2).body["id"]
    for message in workers.messages():
        workers.render(message)
    cloud.messages("BatchesQueue")
    assert read(call, project, made).body["status"] == "running"
    clock.now += progress.CHECK_EVERY
    workers.check_due()
    assert read(call, project, made).body["status"] == "completed"


def test_check_batches__chunks_that_were_not_started_for_a_day_fail(
    clock: FrozenClock, call: Call, create: Any, project: DemoProject, workers: Workers
) -> None:
    made = create(2).body["id"]
    workers.messages()
    clock.now += timedelta(hours=25)
    workers.check_due()
    workers.check_due()
    clock.now += progress.CHECK_EVERY
    workers.check_due()
    batch = read(call, project, made)
    assert batch.body["status"] == "completed"
    assert counts(batch) == {"total": 2, "failed": 2}


def test_usage__each_succeeded_document_is_counted_once(
    call: Call, create: Any, project: DemoProject, workers: Workers, typesetter: Any, cloud: Cloud
) -> None:
    def third_fails(_job: Job) -> None:
        if len(typesetter.jobs) == 3:
            raise SourceError("cannot divide by zero", line=3, column=7)

    typesetter.before = third_fails
    stream = Stream(cloud, "MeterBatchesSource")
    made = create(60).body["id"]
    workers.run()
    call("retry_batch", project, path={"id": made})
    workers.run()
    event = stream.event()
    cloud.invoke("meter_usage", event)
    cloud.invoke("meter_usage", event)
    [row] = call("get_usage", project, query={}).body["usage"]
    assert (row["renders"], row["pages"]) == (60, 60)


def test_events__a_completed_or_refused_batch_sends_one_event(
    call: Call, create: Any, project: DemoProject, workers: Workers, cloud: Cloud, monkeypatch: Any
) -> None:
    stream = Stream(cloud, "BatchEventsSource")
    completed = create(2).body["id"]
    refused = call("create_batch", project, body={**body(1), "items": [{"data": INVALID}]}).body[
        "id"
    ]
    workers.run()
    module = cloud.module("create_deliveries")
    sent: list[Any] = []
    monkeypatch.setattr(module, "create_deliveries", sent.append)
    cloud.invoke("create_deliveries", stream.event())
    assert {(each.type, each.data["id"]) for each in sent} == {
        ("batch.completed", completed),
        ("batch.refused", refused),
    }
    [event] = [each for each in sent if each.type == "batch.completed"]
    assert event.data["counts"]["succeeded"] == 2
    assert "resultUrl" not in event.data


def test_charge__batches_that_race_never_exceed_a_budget(
    project: DemoProject, cloud: Cloud
) -> None:
    limited = limit_project(project, 100)

    def charge(renders: int) -> int:
        try:
            limits.charge(limited.principal, renders=renders)
        except QuotaExceededError:
            return 0
        return renders

    with ThreadPoolExecutor(4) as pool:
        charged = sum(pool.map(charge, [30, 1, 30, 30, 1, 30, 7, 1] * 2))
    assert used(project) == charged <= 100


def test_rows__fields_of_newer_code_are_ignored(cloud: Cloud, create: Any, project: Any) -> None:
    made = create(1).body["id"]
    cloud.table("BatchesTable").update_item(
        Key={"project_id": project.id, "batch_id": made},
        UpdateExpression="SET later = :later",
        ExpressionAttributeValues={":later": "x"},
    )
    assert isinstance(repository.get(project.id, made), Batch)


class TestZip:
    """The documents of a batch as one file."""

    def run(
        self, call: Call, project: DemoProject, workers: Workers, rows: list[dict[str, Any]]
    ) -> Answer:
        body = {"templateSlug": "invoice", "items": rows, "output": "zip", "onInvalid": "skip"}
        made = call("create_batch", project, body=body)
        assert made.status == 202, made.body
        self.finish(workers, project, made.body["id"])
        return read(call, project, made.body["id"])

    def finish(self, workers: Workers, project: DemoProject, batch_id: str) -> None:
        workers.run()
        workers.cloud.invoke("assemble_batch", {"projectId": project.id, "batchId": batch_id})

    def archive(self, cloud: Cloud, project: DemoProject, batch: Answer) -> ZipFile:
        key = f"batches/{project.id}/{batch.body['id']}/result-{batch.body['attempt']:03d}.zip"
        assert f"/{key}?" in batch.body["resultUrl"]
        stored = boto3.client("s3").get_object(Bucket=cloud.names["DocumentsBucket"], Key=key)
        return ZipFile(BytesIO(stored["Body"].read()))

    def test_the_zip_file_contains_every_document_and_a_manifest(
        self, call: Call, project: DemoProject, workers: Workers, cloud: Cloud
    ) -> None:
        rows = [{"data": DATA, "jobId": f"order-{n}"} for n in range(1, 121)] + [{"data": {}}]
        batch = self.run(call, project, workers, rows)
        assert batch.body["status"] == "completed"
        archive = self.archive(cloud, project, batch)
        assert archive.testzip() is None
        names = archive.namelist()
        assert names == [*(f"invoice-{n:06d}.pdf" for n in range(1, 121)), "manifest.ndjson"]
        assert archive.read(names[7]) == PDF
        lines = [json.loads(line) for line in archive.read("manifest.ndjson").splitlines()]
        assert [(each["row"], each["jobId"]) for each in lines[:2]] == [
            (1, "order-1"),
            (2, "order-2"),
        ]
        [first] = items(call, project, batch.body["id"], limit="1")
        assert (first["status"], first["downloadUrl"]) == ("succeeded", None)

    def test_documents_of_the_same_name_have_their_row_in_the_name(
        self, call: Call, project: DemoProject, workers: Workers, cloud: Cloud
    ) -> None:
        rows = [{"data": DATA, "filename": "invoice.pdf"}] * 3
        archive = self.archive(cloud, project, self.run(call, project, workers, rows))
        assert archive.namelist()[:3] == [
            "invoice.pdf",
            "invoice-000002.pdf",
            "invoice-000003.pdf",
        ]

    def test_after_a_retry_the_zip_file_contains_the_documents_of_both_attempts(
        self,
        call: Call,
        project: DemoProject,
        workers: Workers,
        cloud: Cloud,
        typesetter: FakeTypesetter,
    ) -> None:
        def second_fails(_job: Job) -> None:
            if len(typesetter.jobs) == 2:
                raise SourceError("cannot divide by zero", line=3, column=7)

        typesetter.before = second_fails
        batch = self.run(call, project, workers, [{"data": DATA}] * 3)
        assert len(self.archive(cloud, project, batch).namelist()) == 2 + 1
        batch_id = batch.body["id"]
        call("retry_batch", project, path={"id": batch_id})
        self.finish(workers, project, batch_id)
        batch = read(call, project, batch_id)
        assert counts(batch) == {"total": 3, "succeeded": 3}
        archive = self.archive(cloud, project, batch)
        assert len(archive.namelist()) == 3 + 1
        lines = [json.loads(line) for line in archive.read("manifest.ndjson").splitlines()]
        assert [(each["row"], each["status"]) for each in lines] == [
            (1, "succeeded"),
            (2, "succeeded"),
            (3, "succeeded"),
        ]

    def test_the_zip_file_is_assembled_by_one_process_and_again_after_an_error(
        self,
        clock: FrozenClock,
        call: Call,
        project: DemoProject,
        workers: Workers,
        cloud: Cloud,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        body = {"templateSlug": "invoice", "items": [{"data": DATA}], "output": "zip"}
        made = call("create_batch", project, body=body).body["id"]

        def dies(*_: object) -> None:
            assert assembly.assemble_batch(project.id, made) is None
            raise KilledError

        with monkeypatch.context() as patched, pytest.raises(KilledError):
            patched.setattr(assembly, "_write_zip", dies)
            self.finish(workers, project, made)
        assert read(call, project, made).body["status"] == "running"
        clock.now += assembly.LEASE
        self.finish(workers, project, made)
        assert read(call, project, made).body["status"] == "completed"

    def test_a_file_that_no_process_can_finish_completes_the_batch_without_a_result(
        self,
        clock: FrozenClock,
        call: Call,
        project: DemoProject,
        workers: Workers,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Simulates an assembly that exceeds the timeout of the function."""
        body = {"templateSlug": "invoice", "items": [{"data": DATA}], "output": "zip"}
        made = call("create_batch", project, body=body).body["id"]

        def dies(*_: object) -> None:
            raise KilledError

        monkeypatch.setattr(assembly, "_write_zip", dies)
        for _ in range(assembly.TRIES):
            with pytest.raises(KilledError):
                self.finish(workers, project, made)
            clock.now += assembly.LEASE
        self.finish(workers, project, made)
        batch = read(call, project, made).body
        assert (batch["status"], batch["errorCode"]) == ("completed", "worker_failed")
        assert batch["resultUrl"] is None
        assert "smaller batches" in batch["errorMessage"]

    def test_a_batch_without_documents_has_no_result(
        self, call: Call, project: DemoProject, workers: Workers, typesetter: FakeTypesetter
    ) -> None:
        typesetter.failure = SourceError("cannot divide by zero", line=3, column=7)
        batch = self.run(call, project, workers, [{"data": DATA}])
        assert (batch.body["status"], batch.body["resultUrl"]) == ("completed", None)
