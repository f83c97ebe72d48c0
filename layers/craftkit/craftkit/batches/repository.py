"""Batches in the batches table.

A project's partition holds the batches under their ids, the chunks of a batch under
`of#<batch id>#<attempt>#<number>`, and claims on idempotency keys. An unfinished batch is in
the index `unfinished`, by the time of its next check.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import and_
from typing import Any

from boto3.dynamodb.conditions import Attr, ConditionBase
from boto3.dynamodb.conditions import Key as KeyCondition

from craftkit import dynamodb
from craftkit.auth.principal import Mode
from craftkit.batches.models import Batch, Chunk
from craftkit.clock import to_epoch_seconds, to_rfc3339
from craftkit.config import config
from craftkit.schema import from_stored
from craftkit.slices import Rows

UNFINISHED = "unfinished"
SHARDS = 4

_AFTER_ID = "g"
"""Sorts behind every id and before `idempotency#…` and `of#…`, which share the partition."""
_QUERIES_A_PAGE = 10
_TRANSACTION_LIMIT = 100
_TIMES = {"created_at", "started_at", "completed_at", "document_date", "queued_at", "ended_at"}


@dataclass(frozen=True)
class Claim:
    """A batch's claim on an idempotency key: SHA-256 of the key and of the request."""

    key_hash: str
    request_hash: str


@dataclass(frozen=True)
class Due:
    """A batch that is due to be checked, as the index returned it."""

    project_id: str
    batch_id: str
    due_at: str


def create(batch: Batch, chunks: Sequence[Chunk], due_at: datetime, claim: Claim | None) -> None:
    """Write a new batch, its chunks and its claim, in one transaction.

    Raises:
        ConditionFailedError: the idempotency key is claimed; `items[0]` holds the claim.
    """
    row = _item_of(batch)
    if batch.status == "running":
        row |= unfinished_fields(batch.id, due_at)
    writes = [_put_new(row, batch.created_at), *(_put(_item_of(each)) for each in chunks)]
    if claim:
        held = {
            **_claim_key(batch.project_id, claim.key_hash),
            "claimed_by": batch.id,
            "request_hash": claim.request_hash,
            "expires_at": to_epoch_seconds(batch.expires_at),
        }
        writes.insert(0, _put_new(held, batch.created_at))
    assert len(writes) <= _TRANSACTION_LIMIT  # noqa: S101 the items of a request fit
    dynamodb.transact(writes)


def put_chunks(chunks: Sequence[Chunk]) -> None:
    """Write chunks that no worker has begun. Repeating it writes the same again."""
    with _table().batch_writer() as writer:
        for chunk in chunks:
            writer.put_item(Item=_item_of(chunk))


def find_claim(project_id: str, claim: Claim) -> dynamodb.Item | None:
    return _get(_claim_key(project_id, claim.key_hash))


def get(project_id: str, batch_id: str) -> Batch | None:
    item = _get(_key(project_id, batch_id))
    return batch_of(item) if item else None


def get_chunk(project_id: str, key: str) -> Chunk | None:
    item = _get(_key(project_id, key))
    return chunk_of(item) if item else None


def chunks_of(batch: Batch) -> list[Chunk]:
    """The chunks of a batch in the order of attempts and rows, strongly consistent.

    Those of a retry that did not begin are left out.
    """
    condition = KeyCondition("project_id").eq(batch.project_id) & KeyCondition(
        "batch_id"
    ).begins_with(f"of#{batch.id}#")
    found = dynamodb.query(
        config.batches_table, KeyConditionExpression=condition, ConsistentRead=True
    )
    return [chunk for item in found if (chunk := chunk_of(item)).attempt <= batch.attempt]


def page(
    project_id: str,
    *,
    limit: int,
    mode: Mode | None,
    only: Collection[str],
    after: dict[str, Any] | None,
) -> tuple[list[Batch], dict[str, Any] | None]:
    """Batches of a project, newest first, and the start key of the next page.

    Args:
        only: slugs of which the template must be one; empty means any.
    """
    condition = KeyCondition("project_id").eq(project_id) & KeyCondition("batch_id").lt(_AFTER_ID)
    query: dict[str, Any] = {"KeyConditionExpression": condition, "ScanIndexForward": False}
    conditions: list[ConditionBase] = [Attr("mode").eq(mode)] if mode else []
    if only:
        conditions.append(Attr("template_slug").is_in(sorted(only)))
    if conditions:
        query["FilterExpression"] = reduce(and_, conditions)
    found: list[Batch] = []
    for _ in range(_QUERIES_A_PAGE):
        start = {"ExclusiveStartKey": after} if after else {}
        answer = _table().query(**query, **start, Limit=limit)
        found += map(batch_of, answer["Items"])
        after = answer.get("LastEvaluatedKey")
        if len(found) > limit or (len(found) == limit and after):
            found = found[:limit]
            return found, _key(project_id, found[-1].id)
        if after is None:
            break
    return found, after


def every(project_id: str) -> Iterator[Batch]:
    """Every batch of a project, strongly consistent."""
    condition = KeyCondition("project_id").eq(project_id) & KeyCondition("batch_id").lt(_AFTER_ID)
    found = dynamodb.query(
        config.batches_table, KeyConditionExpression=condition, ConsistentRead=True
    )
    return map(batch_of, list(found))


def delete(project_id: str, batch_id: str) -> None:
    """Delete the row of a batch; those of its chunks stay."""
    _table().delete_item(Key=_key(project_id, batch_id))


def rows(project_id: str) -> Rows[Batch]:
    """The batches of a project."""
    return Rows(_table(), KeyCondition("project_id").eq(project_id), "batch_id", batch_of)


def due(shard: int, now: datetime) -> Iterator[Due]:
    """Batches of a shard that are not over and are due to be checked, the earliest first."""
    is_due = KeyCondition(UNFINISHED).eq(str(shard)) & KeyCondition("due_at").lte(to_rfc3339(now))
    for item in dynamodb.query(
        config.batches_table, IndexName=UNFINISHED, KeyConditionExpression=is_due
    ):
        yield Due(item["project_id"], item["batch_id"], item["due_at"])


def put_off(found: Due, due_at: datetime) -> bool:
    """Make a due batch due later. False if it is over, or another process was quicker."""
    try:
        update(
            found.project_id,
            found.batch_id,
            set_={"due_at": to_rfc3339(due_at)},
            condition="attribute_exists(unfinished) AND due_at = :due_at",
            values={":due_at": found.due_at},
        )
    except dynamodb.ConditionFailedError:
        return False
    return True


def update(
    project_id: str,
    sort_key: str,
    *,
    set_: dict[str, Any],
    condition: str,
    values: dict[str, Any],
    add: dict[str, int] | None = None,
    remove: tuple[str, ...] = (),
) -> dynamodb.Item:
    """Change the row of a batch or a chunk conditionally. Returns the changed row.

    `#status` in the condition is a batch's status, `#state` a chunk's.

    Raises:
        ConditionFailedError: `items[0]` is the row as it is, or None.
    """
    return dynamodb.update(
        config.batches_table,
        _key(project_id, sort_key),
        set_=set_,
        condition=condition,
        values=values,
        add=add,
        remove=remove,
    )


def unfinished_fields(batch_id: str, due_at: datetime) -> dict[str, str]:
    """The attributes that add a batch to the index `unfinished`."""
    return {UNFINISHED: str(int(batch_id[-4:], 16) % SHARDS), "due_at": to_rfc3339(due_at)}


def chunk_key(batch_id: str, attempt: int, number: int) -> str:
    """The sort key of a chunk."""
    return f"of#{batch_id}#{attempt:03d}#{number:05d}"


def batch_of(item: dynamodb.Item) -> Batch:
    return from_stored(Batch, {**item, "id": item["batch_id"]})


def chunk_of(item: dynamodb.Item) -> Chunk:
    batch_id = str(item["batch_id"]).split("#")[1]
    renamed = {"key": item["batch_id"], "batch_id": batch_id, "id": item["chunk_id"]}
    return from_stored(Chunk, {**item, **renamed, "status": item["state"]})


def _put(item: dict[str, Any]) -> dict[str, Any]:
    return {"Put": {"TableName": config.batches_table, "Item": item}}


def _put_new(item: dict[str, Any], now: datetime) -> dict[str, Any]:
    """A put that fails if the item exists, unless it has expired and TTL has not deleted it yet."""
    return {
        "Put": {
            "TableName": config.batches_table,
            "Item": item,
            "ConditionExpression": "attribute_not_exists(batch_id) OR expires_at < :now",
            "ExpressionAttributeValues": {":now": to_epoch_seconds(now)},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


def _item_of(row: Batch | Chunk) -> dict[str, Any]:
    item = row.model_dump(exclude={"id", "key", *_TIMES}, exclude_none=True, exclude_defaults=True)
    item["expires_at"] = to_epoch_seconds(row.expires_at)
    for name in _TIMES:
        moment = getattr(row, name, None)
        if moment is not None:
            item[name] = to_rfc3339(moment)
    if isinstance(row, Batch):
        return {**item, "batch_id": row.id, "attempt": row.attempt, "done": row.done}
    del item["status"]
    return {**item, "batch_id": row.key, "chunk_id": row.id, "state": row.status}


def _get(key: dict[str, str]) -> dynamodb.Item | None:
    item: dynamodb.Item | None = _table().get_item(Key=key, ConsistentRead=True).get("Item")
    return item


def _key(project_id: str, sort_key: str) -> dict[str, str]:
    return {"project_id": project_id, "batch_id": sort_key}


def _claim_key(project_id: str, key_hash: str) -> dict[str, str]:
    return _key(project_id, f"idempotency#{key_hash}")


def _table() -> Any:
    return dynamodb.table(config.batches_table)
