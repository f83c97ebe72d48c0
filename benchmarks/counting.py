"""Counts the AWS calls of a step, their capacity units, its log bytes and its own CPU time."""

import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from math import ceil
from statistics import fmean
from typing import Any
from unittest.mock import patch

import boto3
from botocore.client import BaseClient

from craftkit.dynamodb import size_bytes
from craftkit.observability import logger
from testkit.clock import FrozenClock

ROUNDS = 40
_APART_SECONDS = 3

# A read unit is 4 KiB strongly consistent, half a unit otherwise; a write unit is 1 KiB, two in a
# transaction. An index entry that is added, removed or changed is one write; a new key is two.
_WRITES = ("PutItem", "UpdateItem", "DeleteItem")
LINE_OVERHEAD_BYTES = 26
"""What CloudWatch Logs counts for each event in addition to its text."""

_LOG_KEYS = set(logger.get_current_keys())
"""The keys of a log line before a function adds its own."""


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
        self.log_bytes += sum(len(line.encode()) + LINE_OVERHEAD_BYTES for line in found)


def record(clock: FrozenClock, *steps: Callable[[], object] | int) -> dict[str, Any]:
    """The calls and the CPU time of the last step; the steps before it prepare each round.

    A number among the steps is the number of rounds. The first round is not counted.
    """
    rounds = next((each for each in steps if isinstance(each, int)), ROUNDS)
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
        with counted() as noted, redirect_stdout(printed), redirect_stderr(printed):
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


_running: list[tuple["Work", list[bool]]] = []
"""The step that is being recorded: its work, and whether a call of it is inside another one."""


@contextmanager
def uncounted() -> Iterator[Work]:
    """Leave the block out of the step that is being recorded: it is the work of another function.

    Yields:
        the work of the step.
    """
    [(work, inside)] = _running
    begun, before = time.process_time(), inside[0]
    inside[0] = True
    try:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            yield work
    finally:
        inside[0] = before
        work.waited += time.process_time() - begun


@contextmanager
def counted() -> Iterator[Work]:
    """Record every AWS call of a handler, through boto3 or the own client, and its duration."""
    work, inside = Work(), [False]
    _running.append((work, inside))
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
        try:
            yield work
        finally:
            _running.remove((work, inside))


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
