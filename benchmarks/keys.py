"""How long a revoked key is accepted, and what a check costs with unknown keys and many keys."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import batched
from statistics import median
from typing import Any

from benchmarks.measurement import Result, medians, milliseconds
from benchmarks.renders import DATA
from benchmarks.stack import running_stack
from craftkit import dynamodb
from craftkit.auth import api_key
from craftkit.auth.verify import verify_key
from craftkit.clock import utc_now
from craftkit.config import config
from craftkit.keys import repository
from craftkit.keys.models import Key, Secret
from testkit.stack import RunningStack
from testkit.template import Part, template
from testkit.trials import operating, race, revocations

_TRIALS = 1000
_GUESSES = 1_000_000
_KEYS, _KEYS_OF_ONE_PROJECT, _PAGE = 100_000, 10_000, 100
_ROUNDS = 15


def measure() -> Iterable[Result]:
    yield from _guessing()
    stack = running_stack()
    yield from _revoking(stack)
    yield from _racing(stack)
    yield from _listing(stack)


def _revoking(stack: RunningStack) -> Iterable[Result]:
    outcomes = revocations(stack, _TRIALS)
    passed = sum(outcome.passed_after for outcome in outcomes)
    taken = [outcome.seconds * 1000 for outcome in outcomes]
    note = f"{_TRIALS} revocations under load from 20 connections"
    yield Result("keys.revoked.passed", passed, "requests", target="value == 0", note=note)
    yield Result("keys.revoked.p50", median(taken), "ms", note="from the order to the first 401")
    yield Result("keys.revoked.longest", max(taken), "ms", note="the longest of them all")


def _racing(stack: RunningStack) -> Iterable[Result]:
    words = ("--project", stack.project_id)
    key = stack.craftkit("keys", "create", *words, "--name", "Race", "--mode", "test")
    stack.craftkit("limits", "set", *words, "--key", key["id"], "--renders-per-day", "100")
    statuses = race(stack, key["key"], 400, {"data": DATA})
    note = "a budget of 100 under 400 racing requests"
    yield Result("limits.race.passed", statuses[202], "renders", target="value == 100", note=note)


def _guessing() -> Iterable[Result]:
    reads = 0

    def lookup(_: str) -> None:
        nonlocal reads
        reads += 1

    now = utc_now()
    started = time.perf_counter()
    for number in range(_GUESSES):
        verify_key(f"ck_live_{number:038d}", stage="prod", lookup=lookup, now=now)
    took = time.perf_counter() - started
    note = f"{_GUESSES:,} guesses of the right form"
    yield Result("keys.guessed.reads", reads, "reads", target="value == 0", note=note)
    yield Result("keys.guessed.own_time", took / _GUESSES * 1e6, "µs")


def _listing(stack: RunningStack) -> Iterable[Result]:
    """Measure a small and a large table alternately.

    Unlike DynamoDB, the embedded AWS scans the whole table for a query. A page is therefore
    compared with the same query alone, and by the number of rows that it read.
    """
    with _keys_table(stack, "small") as small, _keys_table(stack, "large") as large:
        _fill(stack, small, "project", _PAGE * 2)
        _fill(stack, large, "project", _KEYS_OF_ONE_PROJECT)
        for other in range((_KEYS - _KEYS_OF_ONE_PROJECT) // _KEYS_OF_ONE_PROJECT):
            _fill(stack, large, f"other-{other}", _KEYS_OF_ONE_PROJECT)
        with operating(stack):
            rows: list[int] = []
            client = dynamodb.resource().meta.client
            client.meta.events.register(
                "after-call.dynamodb.Query", lambda parsed, **_: rows.append(parsed["ScannedCount"])
            )
            _use(large)
            _, start = repository.page("project", _PAGE)
            page, query = medians(
                lambda: milliseconds(lambda: repository.page("project", _PAGE, start)),
                lambda: milliseconds(lambda: _bare_query(client, large, start)),
                rounds=_ROUNDS,
            )
            among, alone = medians(lambda: _check(large), lambda: _check(small), rounds=_ROUNDS)
    note = "the second page of 10,000 keys in one project, 100,000 in the table"
    yield Result("keys.page.rows", max(rows), "rows", target=f"value == {_PAGE}", note=note)
    yield Result(
        "keys.page",
        page,
        "ms",
        baseline=("the bare query", query),
        target="ratio <= 1.5",
        note="the embedded AWS takes longer for a larger table; DynamoDB does not",
    )
    yield Result(
        "keys.check",
        among,
        "ms",
        baseline=("200 keys in the table", alone),
        target="ratio <= 1.5",
        note="one secret's record among 100,000 keys",
    )


def _use(table: str) -> None:
    vars(config)["keys_table"] = table


def _check(table: str) -> float:
    _use(table)
    key_hash = api_key.hash_of("project-7")
    return milliseconds(lambda: repository.find_record(key_hash))


def _bare_query(client: Any, table: str, start: Any) -> object:
    return client.query(
        TableName=table,
        IndexName=repository.BY_PROJECT,
        KeyConditionExpression="listed_under = :project",
        ExpressionAttributeValues={":project": "project"},
        ScanIndexForward=False,
        Limit=_PAGE,
        ExclusiveStartKey=start,
    )


def _fill(stack: RunningStack, table: str, project: str, keys: int) -> None:
    client = stack.client("dynamodb")
    for numbers in batched(range(keys), 12, strict=False):
        items = [item for number in numbers for item in _items(project, number)]
        requests = [{"PutRequest": {"Item": item}} for item in items]
        client.batch_write_item(RequestItems={table: requests})


def _items(project: str, number: int) -> Iterator[dict[str, Any]]:
    now = utc_now()
    name = f"{project}-{number}"
    secret = Secret(hash=api_key.hash_of(name), prefix="ck_live_abcde", created_at=now)
    key = Key(
        id=f"019cec2a-2000-7000-8000-{number:012x}",
        project_id=project,
        name=name,
        mode="live",
        scopes=("renders:write",),
        secrets=(secret,),
        created_at=now,
        created_by="benchmark",
    )
    for item in repository.items_of(key, now):
        # Ids repeat between these projects, and a key's item is found by its id.
        item["key_hash"] = item["key_hash"].replace("key#", f"key#{project}#")
        yield {name: _wire(value) for name, value in item.items()}


def _wire(value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        return {"L": [_wire(each) for each in value]}
    if isinstance(value, dict):
        return {"M": {name: _wire(each) for name, each in value.items()}}
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


@contextmanager
def _keys_table(stack: RunningStack, size: str) -> Iterator[str]:
    client, name = stack.client("dynamodb"), f"benchmark-keys-{size}"
    described = template(part=Part.DATA).of_type("AWS::DynamoDB::Table")["KeysTable"]
    wanted = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
    client.create_table(TableName=name, **{each: described[each] for each in wanted})
    try:
        yield name
    finally:
        client.delete_table(TableName=name)
