"""Counts the AWS calls of a request with the real handlers, in moto.

    python -m benchmarks.calls

writes docs/cost-inputs.json, the input of docs/cost.md: for each function its AWS calls, their
capacity units, and its own CPU time. Each number is the mean over requests to a warm environment,
three seconds apart, as with a million requests per month.
"""

import json
import os
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from io import StringIO
from itertools import batched
from math import ceil
from statistics import fmean
from typing import Any
from unittest.mock import patch

import boto3
from botocore.client import BaseClient
from moto import mock_aws

from benchmarks.measurement import Result
from craftkit.auth.principal import Principal
from craftkit.auth.request_log import logged_request
from craftkit.clock import to_rfc3339, utc_now
from craftkit.dynamodb import size_bytes
from craftkit.observability import logger
from deployment.workspace import ROOT
from testkit.clock import FrozenClock, frozen_time
from testkit.template import REGION
from tools import cost

FILE = ROOT / "docs" / "cost-inputs.json"
_ROUNDS = 40
_APART_SECONDS = 3

# A read unit is 4 KiB strongly consistent, half a unit otherwise; a write unit is 1 KiB, two in a
# transaction. An index entry that is added, removed or changed is one write; a new key is two.
_WRITES = ("PutItem", "UpdateItem", "DeleteItem")
_LINE_OVERHEAD_BYTES = 26
"""What CloudWatch Logs counts for each event in addition to its text."""

_LOG_KEYS = set(logger.get_current_keys())
"""The keys of a log line before a function adds its own."""

_METERED_AT_ONCE = 19
"""Renders of a counter in a batch of the stream: 50 seconds of a million a month."""


@dataclass
class Work:
    """The calls of one invocation, by `service:Operation`, and the CPU time without them."""

    calls: Counter[str] = field(default_factory=Counter)
    read_units: float = 0
    write_units: float = 0
    index_units: float = 0
    waited: float = 0
    lines: int = 0
    log_bytes: int = 0

    def note_log(self, text: str) -> None:
        found = text.splitlines()
        self.lines += len(found)
        self.log_bytes += sum(len(line.encode()) + _LINE_OVERHEAD_BYTES for line in found)


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
    yield Result("render.row", inputs["render_row"]["bytes"], "bytes", target="value <= 1024")
    units = ("create_render", "render_document")
    yield Result(
        "render.write_units",
        sum(inputs[name]["writeUnits"] + inputs[name]["indexUnits"] for name in units),
        "units",
        target="value <= 5",
        note="of the row and its index, from queued to succeeded",
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
    clock = FrozenClock(datetime.now(UTC))
    with (
        patch.dict(os.environ, _CREDENTIALS),
        mock_aws(),
        silenced[0],
        silenced[1],
        frozen_time(clock),
    ):
        return dict(_measured(clock))


def _measured(clock: FrozenClock) -> Iterator[tuple[str, Any]]:
    from craftkit.usage.repository import LIST_SECONDS
    from craftkit.webhooks import service as webhooks
    from craftkit.webhooks.models import NewEndpoint
    from testkit.cloud import Cloud, forget, variables
    from testkit.events import event
    from testkit.project import DATA, make_project
    from testkit.receiver import answered
    from testkit.streams import Stream
    from testkit.template import template
    from testkit.typesetter import FakeTypesetter

    record = partial(_record, clock)
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

        def download() -> None:
            path = {"id": ids[-1]}
            cloud.invoke(
                "download_render", event("download_render", path=path, principal=project.principal)
            )

        def read() -> None:
            path = {"id": ids[-1]}
            cloud.invoke("get_render", event("get_render", path=path, principal=project.principal))

        key = project.key.cleartext
        authorizing = event("authorize", headers={"Authorization": f"Bearer {key}"})
        yield "authorize", record(lambda: cloud.invoke("authorize", authorizing))
        yield "create_render", record(create)
        stream = Stream(cloud, "MeterUsageSource")
        yield "render_document", record(create, work)
        rows = cloud.table("RendersTable").scan()["Items"]
        finished = [row for row in rows if row.get("status") == "succeeded"]
        yield "render_row", {"bytes": max(map(size_bytes, finished))}
        keys = cloud.table("RenderKeysTable").scan()["Items"]
        yield "render_key_row", {"bytes": max(map(size_bytes, keys))}
        yield "get_render", record(read)
        yield "download_render", record(download)
        ended = stream.event()["Records"]
        # The renders of 50 seconds use two lists of ids in most batches.
        half = timedelta(seconds=LIST_SECONDS / 2)
        first = datetime.fromtimestamp(time.time() // LIST_SECONDS * LIST_SECONDS, UTC) + half
        for number, each in enumerate(ended):
            moment = first + timedelta(seconds=number * 50 / _METERED_AT_ONCE)
            each["dynamodb"]["NewImage"]["completed_at"] = {"S": to_rfc3339(moment)}
        batches = iter(batched(ended, _METERED_AT_ONCE, strict=False))
        meter = record(lambda: cloud.invoke("meter_usage", {"Records": list(next(batches))}), 2)
        yield "meter_usage", {**meter, "renders": _METERED_AT_ONCE}
        one = {"Records": ended[:1]}
        yield "create_deliveries", record(lambda: cloud.invoke("create_deliveries", one))

        webhooks.create_endpoint(
            project.id, NewEndpoint(url="https://a.example/"), by="bench", check=lambda *_: None
        )
        create()
        work()
        events = iter({"Records": [each]} for each in reading_ends(stream, create, work))
        yield "create_delivery", record(lambda: cloud.invoke("create_deliveries", next(events)))
        sends = iter(cloud.messages("DeliveriesQueue"))
        sent = event("deliver_webhook")

        def deliver() -> None:
            sent["Records"][0]["body"] = json.dumps(next(sends))
            cloud.invoke("deliver_webhook", sent)

        with patch("craftkit.network.fetch", lambda *_args, **_how: answered(200)):
            yield "deliver_webhook", record(deliver)
        asked = event("create_render", principal=project.principal)
        yield "request_row", {"bytes": _request_row_bytes(asked)}
        yield "access_log", {"bytes": _access_line_bytes(template("prod")) + _LINE_OVERHEAD_BYTES}


def _request_row_bytes(asked: dict[str, Any]) -> int:
    """The row of a refused request in the request log, as DynamoDB bills it."""
    principal = Principal.from_context(asked["requestContext"]["authorizer"])
    row = logged_request(asked, principal, status=403, code="insufficient_scope", now=utc_now())
    item = row.as_item(cost.REQUEST_LOG_DAYS)
    return size_bytes({name: value.get("S") or int(value["N"]) for name, value in item.items()})


def reading_ends(stream: Any, *steps: Callable[[], object]) -> list[Any]:
    """The stream records of one render for each round."""
    for _ in range(_ROUNDS):
        for step in steps:
            step()
    found: list[Any] = stream.event()["Records"]
    return found


def _access_line_bytes(stage: Any) -> int:
    """A line of API Gateway's access log, with values of usual length."""
    api = stage.of_type("AWS::Serverless::Api")["Api"]
    identifier = "01a20e47-f9c2-7854-9f0c-4f2622ff4e97"
    usual = {
        **dict.fromkeys(("requestId", "authorizer.projectId", "authorizer.keyId"), identifier),
        "extendedRequestId": "KJ2fGHd5oAMEVXw=",
        "requestTimeEpoch": "1795535928282",
        "resourcePath": "/v1/renders/{id}",
        "identity.sourceIp": "203.0.113.210",
    }
    line = re.sub(
        r"\$context\.([\w.]*\w)",
        lambda found: usual.get(found[1], "200"),
        api["AccessLogSetting"]["Format"],
    )
    return len(line)


def _record(clock: FrozenClock, *steps: Callable[[], object] | int) -> dict[str, Any]:
    """The calls and the CPU time of the last step; the steps before it prepare each round.

    A number among the steps is the number of rounds. The first round is not counted.
    """
    rounds = next((each for each in steps if isinstance(each, int)), _ROUNDS)
    *before, step = (each for each in steps if not isinstance(each, int))
    works: list[Work] = []
    own: list[float] = []
    for _ in range(rounds):
        for each in before:
            each()
        clock.advance(seconds=_APART_SECONDS)
        # Each function has a process of its own on AWS, and its own keys in its log lines.
        logger.remove_keys(set(logger.get_current_keys()) - _LOG_KEYS)
        printed = StringIO()
        with _noted() as noted, redirect_stdout(printed), redirect_stderr(printed):
            begun = time.process_time()
            step()
            own.append((time.process_time() - begun - noted.waited) * 1000)
        noted.note_log(printed.getvalue())
        works.append(noted)
    warm = works[1:]
    calls = sum((each.calls for each in warm), Counter[str]())
    return {
        "calls": {name: _short(number / len(warm)) for name, number in sorted(calls.items())},
        "readUnits": _mean(each.read_units for each in warm),
        "writeUnits": _mean(each.write_units for each in warm),
        "indexUnits": _mean(each.index_units for each in warm),
        "logLines": _mean(each.lines for each in warm),
        "logBytes": round(fmean(each.log_bytes for each in warm)),
        "ownMilliseconds": round(statistics.median(own[1:]), 2),
    }


def _mean(values: Iterable[float]) -> float:
    return _short(fmean(values))


def _short(value: float) -> float:
    return int(value) if value == int(value) else round(value, 2)


@contextmanager
def _noted() -> Iterator[Work]:
    """Record every AWS call of a handler, through boto3 or the own client, and its duration."""
    work, inside = Work(), [False]
    make: Any = vars(BaseClient)["_make_api_call"]
    wire = _Wire(work, inside)

    def noted(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if inside[0]:
            return make(client, operation, parameters)
        service = client.meta.service_model.service_name
        work.calls[f"{service}:{operation}"] += 1
        begun = time.process_time()
        inside[0] = True
        try:
            before = _items(operation, parameters) if service == "dynamodb" else []
            answer = make(client, operation, parameters)
            if service == "dynamodb":
                _note_units(work, operation, parameters, before, answer)
            return answer
        finally:
            inside[0] = False
            work.waited += time.process_time() - begun

    with (
        patch.object(BaseClient, "_make_api_call", noted),
        patch("craftkit.auth.connections.post", wire),
    ):
        yield work


def _parts(operation: str, parameters: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The writes of a call: table and key of each item."""
    if operation == "TransactWriteItems":
        return [part for each in parameters["TransactItems"] for part in each.items()]
    return [(operation, parameters)] if operation in _WRITES else []


def _items(operation: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """The current items that a call writes; empty for a new item."""
    found = []
    for _, part in _parts(operation, parameters):
        table = boto3.resource("dynamodb").Table(part["TableName"])
        source = part.get("Key") or part["Item"]
        key = {each["AttributeName"]: source[each["AttributeName"]] for each in table.key_schema}
        found.append(dict(table.get_item(Key=key, ConsistentRead=True).get("Item") or {}))
    return found


def _note_units(
    work: Work,
    operation: str,
    parameters: dict[str, Any],
    before: list[dict[str, Any]],
    answer: dict[str, Any],
) -> None:
    if operation in ("GetItem", "Query"):
        items = answer.get("Items") or [answer.get("Item") or {}]
        units = max(1, ceil(sum(map(size_bytes, items)) / 4096))
        work.read_units += units if parameters.get("ConsistentRead") else units / 2
        return
    factor = 2 if operation == "TransactWriteItems" else 1
    after = _items(operation, parameters)
    for (_, part), old, new in zip(_parts(operation, parameters), before, after, strict=True):
        size = max(size_bytes(old), size_bytes(new))
        work.write_units += factor * max(1, ceil(size / 1024))
        for index in (
            boto3.resource("dynamodb").Table(part["TableName"]).global_secondary_indexes or ()
        ):
            work.index_units += _index_writes(index, old, new)


def _index_writes(index: Any, old: dict[str, Any], new: dict[str, Any]) -> int:
    names = [each["AttributeName"] for each in index["KeySchema"]]
    is_in = [all(name in item for name in names) for item in (old, new)]
    if not all(is_in):
        return sum(is_in)
    if any(old[name] != new[name] for name in names):
        return 2
    projection = index["Projection"]
    shown = {
        "KEYS_ONLY": [],
        "INCLUDE": projection.get("NonKeyAttributes", []),
        "ALL": {*old, *new},
    }[projection["ProjectionType"]]
    return int(any(old.get(name) != new.get(name) for name in shown))


class _Wire:
    """DynamoDB for the code that signs its own requests: forwards them to moto through boto3."""

    def __init__(self, work: Work, inside: list[bool]) -> None:
        from testkit.wire import DynamoDBWire

        self._wire, self._work, self._inside = DynamoDBWire(), work, inside

    def __call__(self, url: str, headers: dict[str, str], body: bytes, **how: float) -> Any:
        operation = headers["x-amz-target"].rpartition(".")[2]
        self._work.calls[f"dynamodb:{operation}"] += 1
        self._work.read_units += operation == "GetItem"
        self._work.write_units += operation in _WRITES
        begun = time.process_time()
        self._inside[0] = True
        try:
            return self._wire.post(url, headers, body, **how)
        finally:
            self._inside[0] = False
            self._work.waited += time.process_time() - begun


if __name__ == "__main__":
    main()
