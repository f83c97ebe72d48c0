"""Access to the tables through boto3's resource interface, created on first use.

A failed condition becomes `ConditionFailedError`. Other exceptions of boto3 are unforeseen;
`http` answers them as `internal`.
"""

import random
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from itertools import batched
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config as ClientConfig
from botocore.exceptions import ClientError

from craftkit.process_cache import process_cache

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import DynamoDBServiceResource, Table

Item = dict[str, Any]

# Short time-outs with retries, because a caller waits for most of these calls.
_CLIENT = ClientConfig(
    connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 4}
)

_TRANSACTION_ATTEMPTS = 8
_BATCH_LIMIT = 100
_BATCH_ATTEMPTS = 5
_BACKOFF_SECONDS = 0.02
_NAMED = re.compile(r"#(\w+)")


class ConditionFailedError(Exception):
    """The condition of a write did not hold.

    `items` holds, for each write of the transaction, the item whose condition failed, or None.
    """

    def __init__(self, items: Sequence[Item | None] = ()) -> None:
        super().__init__("a condition of a write did not hold")
        self.items = list(items)


class ThrottledError(Exception):
    """DynamoDB returned unprocessed keys of a batch after every retry."""


@process_cache
def resource() -> "DynamoDBServiceResource":
    return boto3.resource("dynamodb", config=_CLIENT)


@process_cache
def table(name: str) -> "Table":
    return resource().Table(name)


@contextmanager
def conditions() -> Iterator[None]:
    """Turn a failed condition of the write inside into `ConditionFailedError`."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "ConditionalCheckFailedException":
            raise ConditionFailedError([_plain(error.response.get("Item"))]) from error
        if code == "TransactionCanceledException":
            reasons = error.response.get("CancellationReasons", [])
            if any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons):
                raise ConditionFailedError(
                    [_plain(reason.get("Item")) for reason in reasons]
                ) from error
        raise


def query(table_name: str, **how: Any) -> Iterator[Item]:
    """Every item that a query finds, read page by page. `how` are arguments of `Table.query`."""
    while True:
        answer = table(table_name).query(**how)
        yield from answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        how["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def get_many(table_name: str, keys: Iterable[Item]) -> list[Item]:
    """The items of some keys, strongly consistent, 100 in one call. Missing items are left out."""
    batches = batched(keys, _BATCH_LIMIT, strict=False)
    return [
        item for batch in batches for item in get_from_tables({table_name: list(batch)})[table_name]
    ]


def get_from_tables(keys: Mapping[str, Sequence[Item]]) -> dict[str, list[Item]]:
    """The items of some keys, by table, in one strongly consistent call. Missing ones are left out.

    Args:
        keys: by table name, at most 100 in all.
    """
    found: dict[str, list[Item]] = {name: [] for name in keys}
    wanted: dict[str, Any] = {
        name: {"Keys": list(each), "ConsistentRead": True} for name, each in keys.items()
    }
    for attempt in range(_BATCH_ATTEMPTS):
        if not wanted:
            return found
        if attempt:
            time.sleep(random.uniform(0, _BACKOFF_SECONDS * 2**attempt))  # noqa: S311 jitter
        answer = resource().batch_get_item(RequestItems=wanted)
        for name, items in answer["Responses"].items():
            found[name] += items
        wanted = dict(answer.get("UnprocessedKeys", {}))
    raise ThrottledError(f"{', '.join(wanted)} did not return every key")


def transact(writes: Sequence[dict[str, Any]], *, attempts: int = _TRANSACTION_ATTEMPTS) -> None:
    """Make all of the writes, or none. Values are plain Python values, as for `Table`.

    A transaction that conflicts with another one, or is throttled, is retried.

    Raises:
        ConditionFailedError: a condition did not hold; nothing was written.
    """
    for attempt in range(attempts):
        try:
            with conditions():
                client = resource().meta.client
                client.transact_write_items(TransactItems=writes)  # type: ignore[arg-type]
        except ClientError as error:
            if not _may_pass(error) or attempt == attempts - 1:
                raise
            time.sleep(random.uniform(0, _BACKOFF_SECONDS * 2**attempt))  # noqa: S311 jitter
        else:
            return


def update(
    table_name: str,
    key: Mapping[str, str],
    *,
    set_: Mapping[str, Any],
    condition: str,
    values: Mapping[str, Any],
    add: Mapping[str, int] | None = None,
    remove: Sequence[str] = (),
) -> Item:
    """Change an item conditionally. Returns the changed item.

    Args:
        condition: `#name` in it is the attribute of that name.
        values: of the condition, by their names with the colon.

    Raises:
        ConditionFailedError: `items[0]` is the item as it is, or None.
    """
    names = {
        f"#{name}": name for name in {*set_, *(add or {}), *remove, *_NAMED.findall(condition)}
    }
    expression = "SET " + ", ".join(f"#{name} = :set_{name}" for name in set_)
    if add:
        expression += " ADD " + ", ".join(f"#{name} :add_{name}" for name in add)
    if remove:
        expression += " REMOVE " + ", ".join(f"#{name}" for name in remove)
    with conditions():
        answer = table(table_name).update_item(
            Key=key,
            UpdateExpression=expression,
            ConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={
                **values,
                **{f":set_{name}": value for name, value in set_.items()},
                **{f":add_{name}": value for name, value in (add or {}).items()},
            },
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    return dict(answer["Attributes"])


def size_bytes(item: Item) -> int:
    """The size by which DynamoDB bills an item: names and values, as its documentation counts.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if value is None or isinstance(value, bool):
        return 1
    if isinstance(value, int | float | Decimal):
        digits = str(value).strip("-0").replace(".", "")
        return 1 + (len(digits) + 1) // 2 + (value < 0)
    if isinstance(value, dict):
        return 3 + len(value) + size_bytes(value)
    if isinstance(value, list | tuple | set | frozenset):
        return 3 + sum(1 + _value_bytes(each) for each in value)
    return len(bytes(value))


def _may_pass(error: ClientError) -> bool:
    reasons = error.response.get("CancellationReasons", [])
    codes = {reason.get("Code", "None") for reason in reasons} - {"None"}
    return bool(codes) and codes <= {"TransactionConflict", "ThrottlingError"}


def _plain(item: Any) -> Item | None:
    """The item of a failed condition, which the resource interface does not deserialize."""
    if item is None:
        return None
    from boto3.dynamodb.types import TypeDeserializer

    read: Any = TypeDeserializer().deserialize
    return {
        name: read(value) if isinstance(value, dict) and len(value) == 1 else value
        for name, value in item.items()
    }
