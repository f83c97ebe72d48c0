"""What a request costs in calls: counted, in moto, from the real handlers.

    python -m benchmarks.calls

writes docs/cost-inputs.json, from which docs/cost.md is made: for each kind of work its AWS calls,
the units that they use up, and its own time without them. The second time that a warm environment
does it; the first one loads.
"""

import json
import os
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from math import ceil
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient
from moto import mock_aws

from benchmarks.measurement import Result
from deployment.workspace import ROOT
from tests.support.template import REGION

FILE = ROOT / "docs" / "cost-inputs.json"
_ROUNDS = 40

# DynamoDB's unit of a read is 4 KiB strongly consistent, of a write 1 KiB, twice in a transaction.
_READS = {"GetItem": 1.0, "Query": 0.5, "BatchGetItem": 0.5}
_WRITES = {"PutItem": 1, "UpdateItem": 1, "DeleteItem": 1}


@dataclass
class Work:
    """The calls of one piece of work, by `service:Operation`, and the time around them."""

    calls: Counter[str] = field(default_factory=Counter)
    read_units: float = 0
    write_units: float = 0
    waited: float = 0

    def note(self, service: str, operation: str, parameters: dict[str, Any]) -> None:
        self.calls[f"{service}:{operation}"] += 1
        if service != "dynamodb":
            return
        self.read_units += _READS.get(operation, 0)
        size = max(1, ceil(len(json.dumps(parameters, default=str)) / 1024))
        self.write_units += _WRITES.get(operation, 0) * size
        for part in parameters.get("TransactItems", []):
            self.write_units += 2 * max(1, ceil(len(json.dumps(part, default=str)) / 1024))


_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
}


def main() -> None:
    FILE.write_text(json.dumps(_inputs(), indent=2) + "\n", encoding="utf-8")


def measure() -> Iterable[Result]:
    inputs = _inputs()
    asked, worked = inputs["create_render"], inputs["render_document"]
    yield Result(
        "create_render.calls",
        sum(asked["calls"].values()),
        "calls",
        target="value <= 3",
        note="an asynchronous render of a template version that is warm",
    )
    yield Result("create_render.own_time", asked["ownMilliseconds"], "ms", note="beyond its calls")
    yield Result(
        "worker.own_time",
        worked["ownMilliseconds"],
        "ms",
        target="value <= 10",
        note="beyond its calls and Typst; the child's price is typesetting.isolation",
    )


def _inputs() -> dict[str, Any]:
    silenced = redirect_stdout(StringIO()), redirect_stderr(StringIO())
    with patch.dict(os.environ, _CREDENTIALS), mock_aws(), silenced[0], silenced[1]:
        return dict(_measured())


def _measured() -> Iterator[tuple[str, Any]]:
    from tests.support.cloud import Cloud, forget, variables
    from tests.support.events import event
    from tests.support.project import DATA, make_project
    from tests.support.streams import Stream
    from tests.support.template import template
    from tests.support.typesetter import FakeTypesetter

    cloud = Cloud(template())
    forget()
    with variables(cloud.environment()):
        project = make_project("live")
        vars(cloud.module("render_document"))["typeset"] = FakeTypesetter()
        asked = event("create_render", body={"data": DATA}, principal=project.principal)
        ids: list[str] = []

        def create() -> None:
            ids.append(json.loads(cloud.invoke("create_render", asked)["body"])["id"])

        def work() -> None:
            message = {"projectId": project.id, "renderId": ids[-1]}
            cloud.invoke("render_document", message, function="LiveWorkerFunction")

        def read() -> None:
            path = {"id": ids[-1]}
            cloud.invoke("get_render", event("get_render", path=path, principal=project.principal))

        key = project.key.cleartext
        authorizing = event("authorize", headers={"Authorization": f"Bearer {key}"})
        yield "authorize", record(lambda: cloud.invoke("authorize", authorizing))
        yield "create_render", record(create)
        stream = Stream(cloud, "MeterUsageSource")
        yield "render_document", record(create, work)
        yield "get_render", record(read)
        ended = stream.event()
        one = {"Records": ended["Records"][:1]}
        yield "meter_usage", record(lambda: cloud.invoke("meter_usage", one))
        yield "create_deliveries", record(lambda: cloud.invoke("create_deliveries", one))
        rows = cloud.table("RendersTable").scan()["Items"]
        finished = [row for row in rows if row.get("status") == "succeeded"]
        yield "render_row", {"bytes": max(len(repr(row)) for row in finished)}


def record(*steps: Callable[[], object]) -> dict[str, Any]:
    """The calls of the last step, and its own time: the others prepare it each time."""
    *before, step = steps
    own: list[float] = []
    for _ in range(_ROUNDS):
        for each in before:
            each()
        with _noted() as noted:
            begun = time.perf_counter()
            step()
            own.append((time.perf_counter() - begun - noted.waited) * 1000)
    return {
        "calls": dict(sorted(noted.calls.items())),
        "readUnits": noted.read_units,
        "writeUnits": noted.write_units,
        "ownMilliseconds": round(statistics.median(own), 2),
    }


@contextmanager
def _noted() -> Iterator[Work]:
    """Note every call that leaves a handler, by either way, and how long it was waited for."""
    work, inside = Work(), [False]
    make: Any = vars(BaseClient)["_make_api_call"]
    wire = _Wire(work, inside)

    def noted(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if inside[0]:
            return make(client, operation, parameters)
        work.note(client.meta.service_model.service_name, operation, parameters)
        begun = time.perf_counter()
        try:
            return make(client, operation, parameters)
        finally:
            work.waited += time.perf_counter() - begun

    with (
        patch.object(BaseClient, "_make_api_call", noted),
        patch("craftkit.auth.connections.post", wire),
    ):
        yield work


class _Wire:
    """DynamoDB for the code that signs its own requests; moto answers it through boto3."""

    def __init__(self, work: Work, inside: list[bool]) -> None:
        from tests.support.wire import DynamoDBWire

        self._wire, self._work, self._inside = DynamoDBWire(), work, inside

    def __call__(self, url: str, headers: dict[str, str], body: bytes, **how: float) -> Any:
        operation = headers["x-amz-target"].rpartition(".")[2]
        self._work.note("dynamodb", operation, json.loads(body))
        begun = time.perf_counter()
        self._inside[0] = True
        try:
            return self._wire.post(url, headers, body, **how)
        finally:
            self._inside[0] = False
            self._work.waited += time.perf_counter() - begun


if __name__ == "__main__":
    main()
