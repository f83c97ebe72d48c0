"""Batches in a run: their requests, and the invariants that must hold of them."""

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from craftkit.batches import files, repository
from craftkit.batches.models import Batch, Chunk
from craftkit.webhooks.batch_events import event_of
from testkit.events import event
from testkit.project import DATA, DemoProject
from tests.chaos.faults import KilledError
from tests.chaos.simulation import Simulation

ITEMS = 500
_TRIES = 6
_KINDS = (["good"] * 18 + ["bad", "flaky"]) * (ITEMS // 20)


class BatchWorkload:
    """Sends batches of 500 documents, and sends a request again whose response was lost."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.accepted: dict[str, str] = {}

    def plan(self, project: DemoProject, number: int, moment: float) -> None:
        self.simulation.at(moment, lambda: self._send(project, number, 1))

    def _send(self, project: DemoProject, number: int, tries: int) -> None:
        items = [{"data": {**DATA, "number": kind}, "jobId": kind} for kind in _KINDS]
        headers: dict[str, str | None] = {"Idempotency-Key": f"batch-{number}"}
        body = {"templateSlug": "invoice", "items": items}
        sent = event("create_batch", principal=project.principal, body=body, headers=headers)
        try:
            answer = self.simulation.invoke("create_batch", sent, "other_killed")
        except KilledError:
            answer = {"statusCode": 502, "body": "{}"}
        finally:
            self.simulation.wake_streams()
        if answer["statusCode"] < 500:
            if answer["statusCode"] not in (200, 202):
                raise AssertionError(answer["body"])
            self.accepted[str(json.loads(answer["body"])["id"])] = project.id
        elif tries < _TRIES:
            self.simulation.at(2.0**tries, lambda: self._send(project, number, tries + 1))


def batches_of(simulation: Simulation) -> list[Batch]:
    items = simulation.cloud.tables.tables["BatchesTable"].items.values()
    return [repository.batch_of(item) for item in items if "status" in item]


def chunks_of(simulation: Simulation) -> list[Chunk]:
    items = simulation.cloud.tables.tables["BatchesTable"].items.values()
    return [repository.chunk_of(item) for item in items if "state" in item]


def wrong_batches(simulation: Simulation, workload: BatchWorkload) -> set[str]:
    """Batches of which a document was lost, ended twice, or is counted wrongly."""
    chunks = chunks_of(simulation)
    stored = {batch.id: batch for batch in batches_of(simulation)}
    wrong = set(workload.accepted) - set(stored)
    for batch in stored.values():
        own = [chunk for chunk in chunks if chunk.batch_id == batch.id]
        results = [result for chunk in own for result in files.get_results(chunk)]
        rows = Counter(result.row for result in results)
        statuses = Counter(result.status for result in results)
        is_right = (
            batch.status == "completed"
            and rows == Counter(range(1, ITEMS + 1))
            and (batch.succeeded, batch.failed) == (statuses["succeeded"], statuses["failed"])
            and sum(chunk.succeeded for chunk in own) == batch.succeeded
            and all(
                files.document_key(batch, each.row, each.media_type, each.sha256 or "")
                in simulation.cloud.objects
                for each in results
                if each.status == "succeeded"
            )
        )
        if not is_right:
            wrong.add(batch.id)
    return wrong


def missing_events(simulation: Simulation, received: Callable[[str], set[str]]) -> set[str]:
    """Batches whose `batch.completed` did not reach an endpoint.

    Args:
        received: the ids of the events that every endpoint of a project has received.
    """
    return {
        batch.id
        for batch in batches_of(simulation)
        if event_of(batch).id not in received(batch.project_id)
    }


class InlineExecutor:
    """A thread pool without threads, so that the same seed gives the same run."""

    def __init__(self, _workers: int) -> None:
        """Accept the arguments of a thread pool."""

    def __enter__(self) -> "InlineExecutor":
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: every call has ended."""

    def submit(self, call: Callable[..., Any], *arguments: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(call(*arguments))
        return done
