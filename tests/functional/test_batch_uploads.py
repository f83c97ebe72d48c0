"""A batch from an uploaded file: its rows are checked in slices, charged together and rendered."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from craftkit.batches import preparation, repository
from craftkit.batches.models import Batch
from craftkit.keys import limiting
from craftkit.limits import service as limits
from craftkit.limits.models import LimitsChange
from testkit.clock import FrozenClock
from testkit.cloud import Cloud
from testkit.project import DATA, DemoProject
from testkit.typesetter import FakeTypesetter
from tests.functional.conftest import Answer
from tests.functional.test_batches import Workers, counts, items, read

Call = Callable[..., Answer]

CSV = (
    "Customer,Amount,Number,Item,Quantity,Price\n"
    'Ada Lovelace,42,2026-1,"Engine, \n""notes""",1,42\n'
    "Jürgen Groß,7.50,,Notes,2,3.75\n"
)
MAPPING = {
    "customer.name": "Customer",
    "total": "Amount",
    "$jobId": "Number",
    "items.0.name": "Item",
    "items.0.qty": "Quantity",
    "items.0.price": "Price",
}


class Uploads:
    """Creates a batch with an upload, stores its file, and runs the functions that follow."""

    def __init__(self, call: Call, project: DemoProject, cloud: Cloud, workers: Workers) -> None:
        self.call, self.project, self.cloud, self.workers = call, project, cloud, workers

    def create(self, upload: dict[str, Any], **fields: Any) -> str:
        body = {"templateSlug": "invoice", "upload": upload, **fields}
        made = self.call("create_batch", self.project, body=body)
        assert (made.status, made.body["status"]) == (202, "awaiting_upload")
        assert f"/batches/{self.project.id}/{made.body['id']}/upload?" in made.body["uploadUrl"]
        return str(made.body["id"])

    def put(self, batch_id: str, content: bytes) -> None:
        boto3.client("s3").put_object(
            Bucket=self.cloud.names["DocumentsBucket"],
            Key=f"batches/{self.project.id}/{batch_id}/upload",
            Body=content,
        )

    def start(self, batch_id: str) -> Answer:
        return self.call("start_batch", self.project, path={"id": batch_id})

    def check(self, batch_id: str) -> Answer:
        """Run the check until every slice is checked."""
        while read(self.call, self.project, batch_id).body["status"] == "checking":
            self.workers.check()
        return read(self.call, self.project, batch_id)

    def run(self, upload: dict[str, Any], content: bytes, **fields: Any) -> Answer:
        batch_id = self.create(upload, **fields)
        self.put(batch_id, content)
        started = self.start(batch_id)
        assert (started.status, started.body["status"]) == (202, "checking")
        return self.check(batch_id)


@pytest.fixture
def uploads(call: Call, project: DemoProject, cloud: Cloud, typesetter: FakeTypesetter) -> Uploads:
    return Uploads(call, project, cloud, Workers(cloud, typesetter))


def lines(*rows: Any) -> bytes:
    return "".join(f"{json.dumps(row)}\n" for row in rows).encode()


def test_ndjson__every_line_is_a_document(
    uploads: Uploads, call: Call, project: DemoProject
) -> None:
    rows = lines(*({"data": DATA, "jobId": f"order-{n}"} for n in range(1, 121)))
    batch = uploads.run({"format": "ndjson"}, rows)
    assert batch.body["status"] == "running"
    assert counts(batch) == {"total": 120, "queued": 120}
    uploads.workers.run()
    batch = read(call, project, batch.body["id"])
    assert batch.body["status"] == "completed"
    assert counts(batch) == {"total": 120, "succeeded": 120}
    assert items(call, project, batch.body["id"], limit="3")[2]["jobId"] == "order-3"


def test_csv__columns_are_mapped_to_paths_and_quoted_cells_may_span_lines(
    uploads: Uploads, call: Call, project: DemoProject, typesetter: FakeTypesetter
) -> None:
    batch = uploads.run({"format": "csv", "mapping": MAPPING}, CSV.encode())
    uploads.workers.run()
    assert counts(read(call, project, batch.body["id"])) == {"total": 2, "succeeded": 2}
    first, second = (job.data for job in typesetter.jobs)
    assert first["items"] == [{"name": 'Engine, \n"notes"', "qty": "1", "price": "42"}]
    assert (second["customer"]["name"], second["total"]) == ("Jürgen Groß", "7.50")
    assert second["items"][0]["qty"] == "2"
    assert items(call, project, batch.body["id"])[0]["jobId"] == "2026-1"


def test_csv__without_a_mapping_each_column_is_named_by_its_path(
    uploads: Uploads, typesetter: FakeTypesetter
) -> None:
    content = (
        b"\xef\xbb\xbfcustomer.name,total,$filename,items.0.name,items.0.qty,items.0.price\n"
        b"Ada,42,ada.pdf,Notes,1,42\n\n"
    )
    batch = uploads.run({"format": "csv"}, content)
    assert counts(batch) == {"total": 1, "queued": 1}
    uploads.workers.run()
    assert typesetter.jobs[0].data["customer"]["name"] == "Ada"


@pytest.mark.parametrize("slice_seconds", [-1.0, 60.0])
def test_a_file_is_checked_in_slices_and_each_row_is_rendered_once(
    uploads: Uploads,
    call: Call,
    project: DemoProject,
    monkeypatch: pytest.MonkeyPatch,
    typesetter: FakeTypesetter,
    slice_seconds: float,
) -> None:
    monkeypatch.setattr(preparation, "SLICE_SECONDS", slice_seconds)
    rows = [{"data": {**DATA, "number": str(n)}} for n in range(1, 131)]
    rows[60] = {"data": {}}
    batch = uploads.run({"format": "ndjson"}, lines(*rows), onInvalid="skip")
    uploads.workers.run()
    batch = read(call, project, batch.body["id"])
    assert counts(batch) == {"total": 130, "succeeded": 129, "invalid": 1}
    numbers = [int(job.data["number"]) for job in typesetter.jobs]
    assert numbers == [n for n in range(1, 131) if n != 61]
    [invalid] = items(call, project, batch.body["id"], status="invalid")
    assert invalid["row"] == 61
    assert "total" in invalid["issues"]["fieldErrors"]


def test_a_slice_that_runs_twice_changes_nothing(
    uploads: Uploads,
    call: Call,
    project: DemoProject,
    monkeypatch: pytest.MonkeyPatch,
    typesetter: FakeTypesetter,
) -> None:
    monkeypatch.setattr(preparation, "SLICE_SECONDS", -1.0)
    batch_id = uploads.create({"format": "ndjson"})
    uploads.put(batch_id, lines(*({"data": DATA} for _ in range(120))))
    uploads.start(batch_id)
    stale = repository.get(project.id, batch_id)
    assert stale
    uploads.check(batch_id)
    monkeypatch.setattr(preparation, "SLICE_SECONDS", 60.0)
    with uploads.cloud.as_function("CheckBatchesFunction"):
        preparation.prepare_batch(stale)
    uploads.workers.run()
    assert counts(read(call, project, batch_id)) == {"total": 120, "succeeded": 120}
    assert len(typesetter.jobs) == 120


def test_one_invalid_row_refuses_the_batch_with_issues_by_row_and_path(
    uploads: Uploads, call: Call, project: DemoProject, typesetter: FakeTypesetter
) -> None:
    rows = lines({"data": DATA}, {"data": {}}, {"dat": {}}) + b"{not json\n"
    batch = uploads.run({"format": "ndjson"}, rows)
    assert (batch.body["status"], batch.body["errorCode"]) == ("refused", "invalid_input_data")
    assert counts(batch) == {"total": 4, "cancelled": 1, "invalid": 3}
    found = items(call, project, batch.body["id"], status="invalid")
    assert [each["row"] for each in found] == [2, 3, 4]
    assert found[1]["issues"]["fieldErrors"] == {"data": ["Required"], "dat": ["Unknown field"]}
    assert "The line is not valid JSON" in found[2]["issues"]["formErrors"][0]
    uploads.workers.run()
    assert typesetter.jobs == []


@pytest.mark.parametrize(
    ("upload", "content", "message"),
    [
        ({"format": "csv"}, b"", "empty"),
        ({"format": "ndjson"}, b"\n\n", "no rows"),
        ({"format": "csv", "mapping": {"total": "Sum"}}, b"Amount\n1\n", "no column named Sum"),
        ({"format": "csv"}, b'total\n"1\n', "not valid CSV"),
        ({"format": "ndjson"}, b"x" * (1024 * 1024 + 2), "larger than 1 MiB"),
        ({"format": "csv"}, b"total\n" + b'"\n",' * 400_000, "larger than 1 MiB"),
        ({"format": "ndjson"}, b"\n" * (1024 * 1024 + 2), "more than 1 MiB of empty rows"),
        ({"format": "csv"}, b"total\n" + b",\n" * 600_000, "more than 1 MiB of empty rows"),
        ({"format": "csv"}, b"a." * 60_000 + b"a\n1\n", "more than 20 parts"),
        ({"format": "csv"}, b"tot\xffal\n1\n", "not UTF-8"),
    ],
    ids=[
        "no header", "empty lines", "no such column", "open quote", "long line", "long record",
        "many empty lines", "many empty records", "deep column", "a byte in a header",
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_refuses_the_batch(
    uploads: Uploads, upload: dict[str, Any], content: bytes, message: str
) -> None:
    batch = uploads.run(upload, content)
    assert (batch.body["status"], batch.body["errorCode"]) == ("refused", "invalid_upload")
    assert message in batch.body["errorMessage"]


def test_more_rows_than_the_limit_refuse_the_batch(
    uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation, "ROWS_LIMIT", 3)
    batch = uploads.run({"format": "ndjson"}, lines(*({"data": DATA} for _ in range(4))))
    assert batch.body["status"] == "refused"
    assert "more than 3 rows" in batch.body["errorMessage"]


def test_a_budget_accepts_all_rows_of_the_file_or_none(
    uploads: Uploads, project: DemoProject
) -> None:
    limiting.limit_project(project.id, LimitsChange(renders_per_day=3), by="tester")
    batch = uploads.run({"format": "ndjson"}, lines(*({"data": DATA} for _ in range(4))))
    assert (batch.body["status"], batch.body["errorCode"]) == ("refused", "quota_exceeded")
    batch = uploads.run({"format": "ndjson"}, lines(*({"data": DATA} for _ in range(3))))
    assert batch.body["status"] == "running"
    state = limits.limits_of("project", project.id)
    assert state and state.renders_today == 3


def test_start_batch__without_a_file_is_409(uploads: Uploads) -> None:
    answer = uploads.start(uploads.create({"format": "csv"}))
    assert (answer.status, answer.code) == (409, "not_ready")


def test_start_batch__twice_is_the_same_batch(uploads: Uploads) -> None:
    batch_id = uploads.create({"format": "ndjson"})
    uploads.put(batch_id, lines({"data": DATA}))
    assert [uploads.start(batch_id).status for _ in range(2)] == [202, 202]
    assert uploads.check(batch_id).body["counts"]["total"] == 1
    assert uploads.start(batch_id).status == 202


def test_start_batch__of_a_batch_with_items_is_409(
    uploads: Uploads, call: Call, project: DemoProject
) -> None:
    body = {"templateSlug": "invoice", "items": [{"data": DATA}]}
    made = call("create_batch", project, body=body).body["id"]
    assert uploads.start(made).code == "conflict"


@pytest.mark.parametrize("is_started", [False, True])
def test_cancel_batch__before_it_runs_renders_and_charges_nothing(
    uploads: Uploads,
    call: Call,
    project: DemoProject,
    typesetter: FakeTypesetter,
    is_started: bool,
) -> None:
    limiting.limit_project(project.id, LimitsChange(renders_per_day=3), by="tester")
    batch_id = uploads.create({"format": "ndjson"})
    uploads.put(batch_id, lines({"data": DATA}))
    if is_started:
        uploads.start(batch_id)
    assert call("cancel_batch", project, path={"id": batch_id}).body["status"] == "cancelled"
    uploads.workers.run()
    assert typesetter.jobs == []
    state = limits.limits_of("project", project.id)
    assert state and state.renders_today == 0


@pytest.mark.parametrize(
    "change",
    [
        {"items": None, "upload": None},
        {"items": [{"data": DATA}], "upload": {"format": "csv"}},
        {"upload": {"format": "xlsx"}},
        {"upload": {"format": "ndjson", "mapping": {"total": "Sum"}}},
    ],
)
def test_create_batch__an_invalid_upload_is_400(
    call: Call, project: DemoProject, change: dict[str, Any]
) -> None:
    answer = call("create_batch", project, body={"templateSlug": "invoice", **change})
    assert (answer.status, answer.code) == (400, "invalid_request")


def test_csv__a_column_of_thousands_of_digits_is_an_unknown_field(uploads: Uploads) -> None:
    content = b"customer.name,total," + b"1" * 5000 + b"\nAda,42,x\n"
    assert uploads.run({"format": "csv"}, content).body["status"] == "refused"


def test_a_file_that_was_replaced_while_it_was_checked_refuses_the_batch(
    uploads: Uploads, monkeypatch: pytest.MonkeyPatch, call: Call, project: DemoProject
) -> None:
    """The URL takes uploads for 15 minutes; rows of two files must never be mixed."""
    monkeypatch.setattr(preparation, "SLICE_SECONDS", -1.0)
    batch_id = uploads.create({"format": "ndjson"})
    uploads.put(batch_id, lines(*({"data": DATA} for _ in range(120))))
    uploads.start(batch_id)
    uploads.workers.check()
    assert read(call, project, batch_id).body["counts"]["total"] == 50
    uploads.put(batch_id, lines(*({"data": DATA} for _ in range(140))))
    batch = uploads.check(batch_id)
    assert (batch.body["status"], batch.body["errorCode"]) == ("refused", "invalid_upload")
    assert "replaced" in batch.body["errorMessage"]


def test_a_file_whose_check_ends_the_process_is_refused_and_delays_no_other_batch(
    uploads: Uploads,
    monkeypatch: pytest.MonkeyPatch,
    call: Call,
    project: DemoProject,
    clock: FrozenClock,
) -> None:
    """Simulates a file that needs more memory or time than the function has."""

    class EndedError(BaseException):
        pass

    fatal, other = uploads.create({"format": "ndjson"}), uploads.create({"format": "ndjson"})
    for batch_id in (fatal, other):
        uploads.put(batch_id, lines({"data": DATA}))
        uploads.start(batch_id)
    check_slice = preparation._check_slice

    def check(batch: Batch) -> tuple[Batch, bool]:
        if batch.id == fatal:
            raise EndedError
        return check_slice(batch)

    monkeypatch.setattr(preparation, "_check_slice", check)
    uploads.cloud.messages("BatchesQueue")  # the messages are lost
    for _ in range(10):
        clock.now += timedelta(minutes=4)
        uploads.workers.queue_due()
        for message in uploads.cloud.messages("BatchesQueue"):
            with suppress(EndedError):
                uploads.workers.check_each(message)
    assert read(call, project, other).body["status"] == "running"
    refused = read(call, project, fatal)
    assert (refused.body["status"], refused.body["errorCode"]) == ("refused", "invalid_upload")
    assert "in 5 attempts" in refused.body["errorMessage"]


def test_a_fault_of_the_bucket_is_no_attempt(
    uploads: Uploads,
    monkeypatch: pytest.MonkeyPatch,
    call: Call,
    project: DemoProject,
    clock: FrozenClock,
) -> None:
    def fail(_batch: Batch) -> None:
        raise ClientError({"Error": {"Code": "SlowDown"}}, "GetObject")

    batch_id = uploads.create({"format": "ndjson"})
    uploads.put(batch_id, lines({"data": DATA}))
    uploads.start(batch_id)
    with monkeypatch.context() as faulty:
        faulty.setattr(preparation, "_check_slice", fail)
        for _ in range(10):
            with suppress(ClientError):
                uploads.workers.check()
            clock.now += timedelta(minutes=4)
            uploads.workers.queue_due()
    uploads.workers.check()
    assert read(call, project, batch_id).body["status"] == "running"
