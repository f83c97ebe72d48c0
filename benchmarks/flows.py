"""The calls of documents that are answered inline, and of a batch, for `docs/cost-inputs.json`."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

from benchmarks import counting
from craftkit.dynamodb import size_bytes
from craftkit.renders.models import Render
from testkit.cloud import Cloud
from testkit.events import event
from testkit.project import DATA, DemoProject

Record = Callable[..., dict[str, Any]]
Inputs = Iterator[tuple[str, dict[str, Any]]]

BATCH_SIZE = 1000
_WORKER = "LiveWorkerFunction"
_ROUNDS = 12


def inline(cloud: Cloud, project: DemoProject, record: Record) -> Inputs:
    """`Accept: application/pdf` on the render call, with the document kept and not kept."""
    sent: list[dict[str, Any]] = []

    def worker(_render: Render, message: dict[str, Any]) -> bytes | None:
        """The synchronous invocation, which is one call; the worker's own work is not counted."""
        with counting.uncounted() as work:
            sent.append(message)
            made = cloud.invoke("render_document", message, function=_WORKER)
        work.calls["lambda:Invoke"] += 1
        return json.dumps(made).encode() if made else None

    def ask(**options: Any) -> None:
        body = {"data": DATA, "options": options}
        asked = event(
            "create_render",
            body=body,
            headers={"Accept": "application/pdf"},
            principal=project.principal,
        )
        assert cloud.invoke("create_render", asked)["statusCode"] == 200

    with patch("craftkit.renders.dispatch._invoke", worker):
        yield "create_render:inline", record(ask, _ROUNDS)
        yield "create_render:unstored", record(lambda: ask(store=False), _ROUNDS)
    rows = cloud.table("RendersTable").scan()["Items"]
    unstored = [row for row in rows if row.get("is_stored") is False]
    yield "unstored_row", {"bytes": max(map(size_bytes, unstored))}
    jobs = iter([each for each in sent if "data" in each])
    yield (
        "render_document:unstored",
        record(lambda: cloud.invoke("render_document", next(jobs), function=_WORKER), _ROUNDS - 2),
    )


def batch(cloud: Cloud, project: DemoProject, record: Record) -> Inputs:
    """A batch of 1,000 items with one ZIP file. Each entry is shared by its `renders`."""
    made: list[str] = []

    def create() -> None:
        body = {"templateSlug": "invoice", "items": [{"data": DATA}] * BATCH_SIZE, "output": "zip"}
        asked = event("create_batch", body=body, principal=project.principal)
        made.append(json.loads(cloud.invoke("create_batch", asked)["body"])["id"])

    def render(message: dict[str, Any]) -> None:
        received = {"body": json.dumps(message), "messageId": "m", "receiptHandle": "r"}
        attributes = {"ApproximateReceiveCount": "1"}
        records = {"Records": [{**received, "attributes": attributes}]}
        cloud.invoke("render_document", records, function=_WORKER)

    def check(batch_id: str) -> None:
        message = json.dumps({"projectId": project.id, "batchId": batch_id})
        cloud.invoke("check_batches", {"Records": [{"body": message}]})

    def assemble(batch_id: str) -> None:
        cloud.invoke("assemble_batch", {"projectId": project.id, "batchId": batch_id})

    def poll() -> None:
        path = {"id": made[-1]}
        cloud.invoke("get_batch", event("get_batch", path=path, principal=project.principal))

    cloud.messages("LiveQueue")
    # Two batches: the first one warms up each function.
    yield "create_batch", {**record(create, 2), "renders": BATCH_SIZE}
    chunks = cloud.messages("LiveQueue")
    queued = iter(chunks)
    rendered = record(lambda: render(next(queued)), len(chunks))
    yield "render_document:chunk", {**rendered, "renders": 2 * BATCH_SIZE // len(chunks)}
    checked, assembled = iter(made), iter(made)
    with patch("craftkit.batches.dispatch._lambda"):
        recorded = record(lambda: check(next(checked)), 2)
    yield "check_batches", {**recorded, "renders": BATCH_SIZE}
    written = record(lambda: assemble(next(assembled)), 2)
    yield "assemble_batch", {**written, "renders": BATCH_SIZE}
    yield "get_batch", {**record(poll, 4), "renders": BATCH_SIZE}
