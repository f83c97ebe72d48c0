"""The time from the end of a render to the first webhook attempt, through the deployed stack."""

import json
from collections.abc import Iterable
from datetime import datetime
from statistics import median, quantiles

from benchmarks.measurement import Result
from benchmarks.renders import DATA
from benchmarks.stack import running_stack
from testkit.loopback import Arrival, receiving

_RENDERS = 40
_WARM_UP = 3


def measure() -> Iterable[Result]:
    stack = running_stack()
    words = ("--project", stack.project_id)
    with receiving() as receiver:
        made = stack.craftkit(
            "webhooks", "create", *words, "--url", receiver.url, "--event", "render.succeeded"
        )
        try:
            for number in range(1, _WARM_UP + _RENDERS + 1):
                body = {"data": DATA, "options": {"sync": True}}
                stack.call("POST", "/v1/templates/invoice/render", json=body).raise_for_status()
                receiver.wait_for(number)
        finally:
            stack.craftkit("webhooks", "delete", made["id"], *words)
    taken = [_taken(arrival) for arrival in receiver.arrivals[_WARM_UP:]]
    yield Result(
        "webhooks.first_attempt.p50",
        median(taken),
        "ms",
        target="value <= 2000",
        note="from `completedAt` of the render to the request's arrival at a receiver on loopback",
    )
    yield Result("webhooks.first_attempt.p95", quantiles(taken, n=20)[-1], "ms")


def _taken(arrival: Arrival) -> float:
    ended = datetime.fromisoformat(json.loads(arrival.body)["data"]["completedAt"])
    return (arrival.at - ended.timestamp()) * 1000
