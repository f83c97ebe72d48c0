"""The time from a render to its webhook, through the deployed stack: of one render at a time, and
of a hundred renders to three endpoints and a slow one."""

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from statistics import median, quantiles

from benchmarks.measurement import Result
from benchmarks.renders import DATA
from benchmarks.stack import running_stack
from testkit.loopback import Arrival, LoopbackReceiver, receiving
from testkit.stack import RunningStack

_RENDERS = 40
_WARM_UP = 3
_MANY = 100
_ENDPOINTS = 3
_SLOW_SECONDS = 8.0


def measure() -> Iterable[Result]:
    stack = running_stack()
    yield from _one_at_a_time(stack)
    yield from _many(stack)


def _one_at_a_time(stack: RunningStack) -> Iterable[Result]:
    with receiving() as receiver, _endpoint(stack, receiver):
        posted = []
        for number in range(1, _WARM_UP + _RENDERS + 1):
            posted.append(time.time())
            _post(stack)
            receiver.wait_for(number)
    arrivals = receiver.arrivals[_WARM_UP:]
    since_end = [_since_end(arrival) for arrival in arrivals]
    since_post = [
        (arrival.at - at) * 1000 for at, arrival in zip(posted[_WARM_UP:], arrivals, strict=True)
    ]
    yield Result(
        "webhooks.first_attempt.p50",
        median(since_end),
        "ms",
        target="value <= 2000",
        note="from `completedAt` of the render to the request's arrival at a receiver on loopback",
    )
    yield Result("webhooks.first_attempt.p95", quantiles(since_end, n=20)[-1], "ms")
    yield Result(
        "webhooks.from_post.p50",
        median(since_post),
        "ms",
        target="value <= 150",
        note="from the request that creates the render to the webhook's arrival, warm",
    )


def _many(stack: RunningStack) -> Iterable[Result]:
    """Renders back to back, three endpoints, and a fourth whose receiver is slow."""
    with ExitStack() as stopping:
        fast = [stopping.enter_context(receiving()) for _ in range(_ENDPOINTS)]
        slow = stopping.enter_context(receiving(seconds=_SLOW_SECONDS))
        for receiver in (*fast, slow):
            stopping.enter_context(_endpoint(stack, receiver))
        for _ in range(_MANY):
            _post(stack)
        taken = [_since_end(arrival) for receiver in fast for arrival in receiver.wait_for(_MANY)]
    yield Result(
        "webhooks.many.p50",
        median(taken),
        "ms",
        target="value <= 300",
        note=f"{_MANY} renders back to back, {_ENDPOINTS} endpoints, and a fourth that answers "
        f"after {_SLOW_SECONDS:.0f} s; from `completedAt` to the arrival at the three",
    )
    yield Result("webhooks.many.p95", quantiles(taken, n=20)[-1], "ms")


@contextmanager
def _endpoint(stack: RunningStack, receiver: LoopbackReceiver) -> Iterator[None]:
    words = ("--project", stack.project_id)
    made = stack.craftkit(
        "webhooks", "create", *words, "--url", receiver.url, "--event", "render.succeeded"
    )
    try:
        yield
    finally:
        stack.craftkit("webhooks", "delete", made["id"], *words)


def _post(stack: RunningStack) -> None:
    stack.call("POST", "/v1/templates/invoice/render", json={"data": DATA}).raise_for_status()


def _since_end(arrival: Arrival) -> float:
    ended = datetime.fromisoformat(json.loads(arrival.body)["data"]["completedAt"])
    return (arrival.at - ended.timestamp()) * 1000
