"""Renders through the deployed stack, and the worker's own time without Typst and AWS."""

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any

import requests

from benchmarks.measurement import Result, medians, milliseconds
from benchmarks.stack import running_stack
from testkit.stack import RunningStack

DATA: dict[str, Any] = {
    "number": "2026-014",
    "customer": {"name": "Ada Lovelace"},
    "items": [{"name": "Analytical engine", "qty": 3, "price": "400.00"}],
    "total": "1200.00",
}
_ROUNDS = 40
_RENDERS = 200
_CONNECTIONS = 20
_POLL_SECONDS = 0.01


def measure() -> Iterable[Result]:
    stack = running_stack()
    yield _sync(stack)
    yield _polled(stack)
    yield from _burst(stack)


def _sync(stack: RunningStack) -> Result:
    """A synchronous render, compared with the simplest route with the same authorizer."""
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {stack.live_key}"
        body = {"data": DATA, "options": {"sync": True}}

        def render() -> float:
            return milliseconds(
                lambda: _expect(
                    session.post(f"{stack.api_url}/v1/templates/invoice/render", json=body), 200
                )
            )

        def nothing() -> float:
            absent = f"{stack.api_url}/v1/renders/none"
            return milliseconds(lambda: _expect(session.get(absent), 404))

        rendered, empty = medians(render, nothing, rounds=_ROUNDS, warm_up=5)
    return Result(
        "render.sync",
        rendered,
        "ms",
        baseline=("authorizer and a function that answers at once", empty),
        target="ratio <= 3",
    )


def _polled(stack: RunningStack) -> Result:
    """An asynchronous render, from the request to the first poll that shows it succeeded."""
    taken = []
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {stack.live_key}"
        for _ in range(_ROUNDS + 5):
            began = time.perf_counter()
            made = session.post(
                f"{stack.api_url}/v1/templates/invoice/render", json={"data": DATA}
            ).json()
            while session.get(made["pollUrl"]).json()["status"] != "succeeded":
                time.sleep(_POLL_SECONDS)
            taken.append((time.perf_counter() - began) * 1000)
    return Result(
        "render.polled.p50",
        median(taken[5:]),
        "ms",
        target="value <= 80",
        note="asynchronous, polled each 10 ms, warm",
    )


def _burst(stack: RunningStack) -> Iterable[Result]:
    def send(number: int) -> str:
        body = {"data": DATA, "metadata": {"n": str(number)}}
        return str(stack.call("POST", "/v1/templates/invoice/render", json=body).json()["id"])

    started = time.perf_counter()
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        ids = list(pool.map(send, range(_RENDERS)))
    accepted = time.perf_counter() - started
    with ThreadPoolExecutor(4) as pool:
        ends = list(pool.map(stack.finished, ids))
    drained = time.perf_counter() - started
    succeeded = sum(end["status"] == "succeeded" and end["attempt"] == 1 for end in ends)
    yield Result(
        "renders.burst.succeeded",
        succeeded if len(set(ids)) == _RENDERS else 0,
        "renders",
        target=f"value == {_RENDERS}",
        note=f"{_RENDERS} at once over {_CONNECTIONS} connections, none twice, none lost",
    )
    yield Result("renders.burst.accepted", _RENDERS / accepted, "per s")
    yield Result("renders.burst.finished", _RENDERS / drained, "per s")


def _expect(answer: requests.Response, status: int) -> None:
    if answer.status_code != status:
        raise RuntimeError(f"{answer.request.url} answered {answer.status_code}: {answer.text}")
