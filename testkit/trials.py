"""Trials of keys against a deployed stack, from many connections: the tests and the benchmarks run
the same, in different numbers.
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

from craftkit.keys import service
from craftkit.keys.models import NewKey
from deployment.workspace import environment
from testkit.cloud import forget, variables
from testkit.stack import RunningStack

CONNECTIONS = 20
_ATTEMPTS = 10


@dataclass(frozen=True)
class Revocation:
    """One trial: the time from the revocation to the first refusal, and later accepted requests."""

    seconds: float
    passed_after: int


@contextmanager
def operating(stack: RunningStack, **others: str) -> Iterator[None]:
    """The use cases in this process, on the stack's tables, as its account's root.

    Args:
        others: further variables, or others than the stack's.
    """
    outputs = {
        re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper(): value
        for name, value in stack.outputs.items()
    }
    forget()
    with variables(environment(stack.aws_endpoint_url) | outputs | others):
        yield
    forget()


def revocations(stack: RunningStack, trials: int) -> list[Revocation]:
    """Make a key, see it pass, revoke it, and call again at once: from 20 connections, so that each
    trial runs under the load of the others.
    """
    with operating(stack):
        service.list_keys(stack.project_id, limit=1)  # makes the client, before the threads need it
        return _from_connections(trials, lambda session: _revocation(stack, session))


def race(stack: RunningStack, key: str, calls: int, body: Any) -> Counter[int]:
    """The statuses of this number of renders, requested concurrently on 20 connections."""

    def call(session: requests.Session) -> int:
        path = "/v1/templates/invoice/render"
        return _call(stack, session, key, "POST", path, json=body).status_code

    return Counter(_from_connections(calls, call))


def _revocation(stack: RunningStack, session: requests.Session) -> Revocation:
    new_key = NewKey(name="Trial", mode="test")
    minted = service.create_key(stack.project_id, new_key, by="trial")

    def status() -> int:
        return _decided(stack, session, minted.cleartext)

    if (first := status()) != 200:
        raise RuntimeError(f"a good key was answered {first}")
    ordered = time.perf_counter()
    service.revoke_key(minted.key.id, by="trial")
    statuses = [status()]
    refused = time.perf_counter()
    statuses += [status()]
    return Revocation(refused - ordered, sum(each != 401 for each in statuses))


def _decided(stack: RunningStack, session: requests.Session, key: str) -> int:
    """What the key was answered. A 5xx decides nothing: it is the embedded AWS that is overworked,
    as when 20 environments start at once.
    """
    for _ in range(_ATTEMPTS):
        answer = _call(stack, session, key, "GET", "/v1/renders?limit=1")
        if answer.status_code < 500:
            break
    return answer.status_code


def _call(
    stack: RunningStack, session: requests.Session, key: str, method: str, path: str, **how: Any
) -> requests.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return session.request(method, stack.api_url + path, headers=headers, timeout=60, **how)


def _from_connections[Outcome](
    times: int, act: Callable[[requests.Session], Outcome]
) -> list[Outcome]:
    """Act this number of times, on 20 connections that are reused."""

    def one_connection(share: int) -> list[Outcome]:
        with requests.Session() as session:
            return [act(session) for _ in range(share)]

    shares = [
        times // CONNECTIONS + (number < times % CONNECTIONS) for number in range(CONNECTIONS)
    ]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return [outcome for part in pool.map(one_connection, shares) for outcome in part]
