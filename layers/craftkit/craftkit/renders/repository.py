"""Renders in the renders table. A render that is not finished stands in the index `unfinished`,
by the time at which the requeuer should look after it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import and_
from typing import Any

from boto3.dynamodb.conditions import Attr, ConditionBase
from boto3.dynamodb.conditions import Key as KeyCondition

from craftkit import dynamodb
from craftkit.clock import to_epoch_seconds, to_rfc3339
from craftkit.config import config
from craftkit.ids import first_id_at
from craftkit.renders.models import Render

UNFINISHED = "unfinished"
UNFINISHED_FIELDS = (UNFINISHED, "due_at")
SHARDS = 4
"""Partitions of the index, so that no flood of renders meets in one."""

_AFTER_ID = "g"
"""Sorts behind every id and before `idempotency#…`, which shares the partition."""

_ID_BEFORE_CREATION = timedelta(seconds=1)
"""A render's id is made just before `created_at` is read."""

_QUERIES_A_PAGE = 10
_FILTERED_LIMIT = 200
"""A filtered page reads at most 2,000 rows, and says where to go on."""

_TIMES = ("created_at", "queued_at", "completed_at")


@dataclass(frozen=True)
class Idempotency:
    """SHA-256 of the project's idempotency key, and of the request that it stands for."""

    key_hash: str
    request_hash: str


def create(
    render: Render,
    *,
    input_: dict[str, Any],
    idempotency: Idempotency | None,
    due_at: datetime,
    extra_writes: Sequence[dict[str, Any]] = (),
) -> None:
    """Write a new render, queued, and the claim on its idempotency key: both or neither.

    Args:
        input_: where the judged data is, as `inputs.keep` answered.
        due_at: when the requeuer checks whether it is still queued.
        extra_writes: further writes of the same transaction; the claim comes before them.

    Raises:
        ConditionFailedError: the idempotency key is claimed; `items` holds the claim.
    """
    expires = expiry(render.created_at)
    item: dict[str, Any] = {
        **_item_of(render),
        **unfinished_fields(render.id, due_at),
        **input_,
        "expires_at": expires,
    }
    writes: list[dict[str, Any]] = []
    if idempotency:
        claim = {
            **_claim_key(render.project_id, idempotency),
            "claimed_by": render.id,
            "request_hash": idempotency.request_hash,
            "expires_at": expires,
        }
        writes.append(_put_new(claim, render.created_at))
    writes.append(_put_new(item, render.created_at))
    dynamodb.transact([*writes, *extra_writes])


def _put_new(item: dict[str, Any], now: datetime) -> dict[str, Any]:
    """A put that gives way to a living item; one past its expiry only waits to be swept."""
    return {
        "Put": {
            "TableName": config.renders_table,
            "Item": item,
            "ConditionExpression": "attribute_not_exists(render_id) OR expires_at < :now",
            "ExpressionAttributeValues": {":now": to_epoch_seconds(now)},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


def find_claim(project_id: str, idempotency: Idempotency) -> dynamodb.Item | None:
    """The claim on an idempotency key, where a render stands behind it."""
    key = _claim_key(project_id, idempotency)
    item: dynamodb.Item | None = _table().get_item(Key=key, ConsistentRead=True).get("Item")
    return item


def discard(render: Render, idempotency: Idempotency | None) -> None:
    """Take back a render that could not be queued.

    Raises:
        ConditionFailedError: somebody works on it already.
    """
    writes: list[dict[str, Any]] = [
        {
            "Delete": {
                "TableName": config.renders_table,
                "Key": _key(render.project_id, render.id),
                "ConditionExpression": "#status = :queued",
                "ExpressionAttributeNames": {"#status": "status"},
                "ExpressionAttributeValues": {":queued": "queued"},
            }
        }
    ]
    if idempotency:
        claim = _claim_key(render.project_id, idempotency)
        writes.append({"Delete": {"TableName": config.renders_table, "Key": claim}})
    dynamodb.transact(writes)


def get(project_id: str, render_id: str) -> Render | None:
    item = get_item(project_id, render_id)
    return render_of(item) if item else None


def get_item(project_id: str, render_id: str) -> dynamodb.Item | None:
    """The whole row, its input with it."""
    item: dynamodb.Item | None = (
        _table().get_item(Key=_key(project_id, render_id), ConsistentRead=True).get("Item")
    )
    return item


def page(
    project_id: str,
    *,
    limit: int,
    where: Mapping[str, str],
    only: Collection[str] = frozenset(),
    metadata: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    after: dict[str, Any] | None,
) -> tuple[list[Render], dict[str, Any] | None]:
    """Renders of a project, newest first, and where the next page starts.

    A filter reads over the others; a page may so come back short, with a next one.

    Args:
        where: what the fields of a row must be, such as `{"status": "failed"}`.
        only: slugs of which its template must be one, a hundred at most; empty means any.
        metadata: a name and a value of its metadata, such as `order:4711`.
        since: created at this time or later.
        until: created before this time.
    """
    created = KeyCondition("render_id").between(
        first_id_at(since - _ID_BEFORE_CREATION) if since else "0",
        first_id_at(until) if until else _AFTER_ID,
    )
    query: dict[str, Any] = {
        "KeyConditionExpression": KeyCondition("project_id").eq(project_id) & created,
        "ScanIndexForward": False,
    }
    conditions: list[ConditionBase] = [Attr(name).eq(value) for name, value in where.items()]
    if only:
        conditions.append(Attr("template_slug").is_in(sorted(only)))
    if conditions:
        query["FilterExpression"] = reduce(and_, conditions)
    name, _, value = (metadata or "").partition(":")
    renders: list[Render] = []
    for number in range(_QUERIES_A_PAGE):
        start = {"ExclusiveStartKey": after} if after else {}
        # Most filters pass most rows: only where the first query was not enough, read more.
        rows = _FILTERED_LIMIT if (conditions or metadata) and number else limit
        answer = _table().query(**query, **start, Limit=rows)
        read = (render_of(item) for item in answer["Items"])
        renders += [
            each
            for each in read
            if (not metadata or each.metadata.get(name) == value)
            and (since is None or each.created_at >= since)
            and (until is None or each.created_at < until)
        ]
        after = answer.get("LastEvaluatedKey")
        if len(renders) > limit or (len(renders) == limit and after):
            renders = renders[:limit]
            return renders, _key(project_id, renders[-1].id)
        if after is None:
            break
    return renders, after


def due(shard: int, now: datetime) -> Iterator[tuple[Render, str]]:
    """Unfinished renders whose time to be looked after has come, with that time."""
    is_due = KeyCondition(UNFINISHED).eq(str(shard)) & KeyCondition("due_at").lte(to_rfc3339(now))
    for item in dynamodb.query(
        config.renders_table, IndexName=UNFINISHED, KeyConditionExpression=is_due
    ):
        yield render_of(item), item["due_at"]


def between(project_id: str, since: datetime, until: datetime) -> Iterator[Render]:
    """Renders that were made from `since` to before `until`, oldest first."""
    made_then = KeyCondition("render_id").between(first_id_at(since), first_id_at(until))
    condition = KeyCondition("project_id").eq(project_id) & made_then
    return map(render_of, dynamodb.query(config.renders_table, KeyConditionExpression=condition))


def update(
    project_id: str,
    render_id: str,
    *,
    set_: dict[str, Any],
    condition: str,
    values: dict[str, Any],
    add: dict[str, int] | None = None,
    remove: tuple[str, ...] = (),
) -> dynamodb.Item:
    """One conditional change of a row; answers the row as it is afterwards.

    Raises:
        ConditionFailedError: `items[0]` is the row as it is, or None.
    """
    names = {f"#{name}": name for name in {*set_, *(add or {}), *remove, "status"}}
    expression = "SET " + ", ".join(f"#{name} = :set_{name}" for name in set_)
    if add:
        expression += " ADD " + ", ".join(f"#{name} :add_{name}" for name in add)
    if remove:
        expression += " REMOVE " + ", ".join(f"#{name}" for name in remove)
    with dynamodb.conditions():
        answer = _table().update_item(
            Key=_key(project_id, render_id),
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


def render_of(item: dynamodb.Item) -> Render:
    return Render.model_validate({**item, "id": item["render_id"]})


def unfinished_fields(render_id: str, due_at: datetime) -> dict[str, str]:
    """What puts a row into the index of the unfinished."""
    return {UNFINISHED: str(int(render_id[-4:], 16) % SHARDS), "due_at": to_rfc3339(due_at)}


def expiry(asked_at: datetime) -> int:
    """When a row may go: it is kept for the stage's days after it was last asked for."""
    return to_epoch_seconds(asked_at + timedelta(days=config.retention_days))


def _key(project_id: str, render_id: str) -> dict[str, str]:
    return {"project_id": project_id, "render_id": render_id}


def _claim_key(project_id: str, idempotency: Idempotency) -> dict[str, str]:
    return _key(project_id, f"idempotency#{idempotency.key_hash}")


def _table() -> Any:
    return dynamodb.table(config.renders_table)


def _item_of(render: Render) -> dict[str, Any]:
    item = render.model_dump(exclude={"id", *_TIMES}, exclude_none=True)
    item["render_id"] = render.id
    item["warnings"] = list(render.warnings)
    for name in _TIMES:
        moment = getattr(render, name)
        if moment is not None:
            item[name] = to_rfc3339(moment)
    return item
