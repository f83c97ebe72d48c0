"""Counts the AWS calls of a request with the real handlers, in moto.

    python -m benchmarks.calls

writes docs/cost-inputs.json, the input of docs/cost.md: for each function its AWS calls, their
capacity units, and its own CPU time. Each number is the mean over requests to a warm environment,
three seconds apart, as with a million requests per month.
"""

import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from functools import partial
from io import StringIO
from itertools import batched
from typing import Any
from unittest.mock import patch

from moto import mock_aws

from benchmarks import counting, flows
from benchmarks.counting import LINE_OVERHEAD_BYTES, ROUNDS
from benchmarks.measurement import Result
from craftkit.auth.body_shape import shape_of_body
from craftkit.auth.principal import Principal
from craftkit.auth.request_log import logged_request
from craftkit.clock import to_rfc3339, utc_now
from craftkit.dynamodb import size_bytes
from deployment.workspace import ROOT
from testkit.clock import FrozenClock, frozen_time
from testkit.template import REGION
from tools import cost

FILE = ROOT / "docs" / "cost-inputs.json"
_METERED_AT_ONCE = 19
"""Renders of a counter in a batch of the stream: 50 seconds of a million a month."""


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

    record = partial(counting.record, clock)
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
        yield from flows.inline(cloud, project, record)
        yield from flows.batch(cloud, project, record)
        yield "request_row", {"bytes": _request_row_bytes(asked)}
        yield "access_log", {"bytes": _access_line_bytes(template("prod")) + LINE_OVERHEAD_BYTES}


def _request_row_bytes(asked: dict[str, Any]) -> int:
    """The row of a refused request in the request log, as DynamoDB bills it."""
    principal = Principal.from_context(asked["requestContext"]["authorizer"])
    shape = shape_of_body({"data": {"total": 42}, "jobId": "order-4711", "options": {"sync": True}})
    row = logged_request(
        asked, principal, status=403, code="insufficient_scope", now=utc_now(), body=shape
    )
    item = row.as_item(cost.REQUEST_LOG_DAYS)
    return size_bytes({name: value.get("S") or int(value["N"]) for name, value in item.items()})


def reading_ends(stream: Any, *steps: Callable[[], object]) -> list[Any]:
    """The stream records of one render for each round."""
    for _ in range(ROUNDS):
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


if __name__ == "__main__":
    main()
