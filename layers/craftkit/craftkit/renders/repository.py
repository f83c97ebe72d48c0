"""Renders in the renders table. The row of an unfinished render is in the index
`unfinished`, by the time of the requeuer's next check. The index has keys only. A row is added to
it once and removed once.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import and_
from typing import Any

from boto3.dynamodb.conditions import Attr, ConditionBase
from boto3.dynamodb.conditions import Key as KeyCondition

from craftkit import dynamodb
from craftkit.clock import to_epoch_seconds, to_rfc3339, utc_now
from craftkit.config import config
from craftkit.dynamodb import ConditionFailedError
from craftkit.errors import NotFoundError
from craftkit.ids import first_id_at
from craftkit.renders.models import Render
from craftkit.schema import from_stored
from craftkit.slices import Rows

UNFINISHED = "unfinished"
UNFINISHED_FIELDS = (UNFINISHED, "due_at")
SHARDS = 16
"""Partitions of the index: each takes 1,000 writes a second, and a render makes two."""

_AFTER_ID = "g"
"""Sorts behind every id and before `idempotency#…`, `input#…` and `known#…`, which share the
partition."""

_DOCUMENT = "known"

_FIRST_DAY = datetime(1970, 1, 2, tzinfo=UTC)
"""Earlier times in a query mean this one: nothing is older."""

_ID_BEFORE_CREATION = timedelta(seconds=1)
"""A render's id is made just before `created_at` is read."""

_QUERIES_A_PAGE = 10
_FILTERED_LIMIT = 200
"""A filtered page reads at most 2,000 rows, and returns a cursor for the rest."""

_TIMES = ("created_at", "queued_at", "completed_at", "document_date", "erase_at", "erased_at")


@dataclass(frozen=True)
class Idempotency:
    """SHA-256 of the project's idempotency key, and of its request."""

    key_hash: str
    request_hash: str


@dataclass(frozen=True)
class Due:
    """A due render as the index returned it; the index can be behind the table."""

    project_id: str
    render_id: str
    due_at: str


def create(
    render: Render,
    row: dynamodb.Item,
    *,
    idempotency: Idempotency | None,
    extra_writes: Sequence[dict[str, Any]] = (),
) -> None:
    """Write a new render's row and the claim on its idempotency key, in one transaction.

    Args:
        row: as `new_row` gave it, with the fields that say where its data is.
        extra_writes: further writes of the same transaction; the claim comes before them.

    Raises:
        ConditionFailedError: the idempotency key is claimed; `items` holds the claim.
    """
    put = _put_new(row, render.created_at)
    if idempotency is None and not extra_writes:
        return _put_row(render, put)
    writes = [put, *extra_writes]
    if idempotency:
        claim = {
            **_claim_key(render.project_id, idempotency),
            "claimed_by": render.id,
            "request_hash": idempotency.request_hash,
            "expires_at": expiry(render.created_at),
        }
        writes.insert(0, _put_new(claim, render.created_at))
    dynamodb.transact(writes)
    return None


def _put_row(render: Render, put: dict[str, Any]) -> None:
    """Write a row without a transaction, which would cost twice as much."""
    try:
        with dynamodb.conditions():
            dynamodb.resource().meta.client.put_item(**put["Put"])
    except ConditionFailedError as error:
        # The id is new: this row was written by the first attempt, whose response was lost.
        if error.items[0] is None or error.items[0]["render_id"] != render.id:
            raise


def new_row(render: Render, due_at: datetime) -> dynamodb.Item:
    """The row of a new render, without its data.

    Args:
        due_at: when the requeuer checks it.
    """
    return {
        **_item_of(render),
        **unfinished_fields(render.id, due_at),
        "expires_at": expiry(render.created_at),
    }


def finished_row(render: Render) -> dynamodb.Item:
    """The row of a render that is written when it has ended already."""
    return {**_item_of(render), "expires_at": expiry(render.created_at)}


def put_input(render: Render, compressed: bytes) -> None:
    """Store a render's data in a separate item."""
    item = {
        **_input_key(render.project_id, render.id),
        "input": compressed,
        "expires_at": expiry(render.created_at),
    }
    _table().put_item(Item=item)


def get_input(project_id: str, render_id: str) -> bytes:
    """The data that `put_input` stored.

    Raises:
        NotFoundError: it has expired.
    """
    key = _input_key(project_id, render_id)
    item = _table().get_item(Key=key, ConsistentRead=True).get("Item")
    if item is None:
        raise NotFoundError("The data of this render is no longer kept.")
    return bytes(item["input"])


def extend_input(project_id: str, render_id: str, expires_at: int) -> None:
    """Extend the expiry of a render's separate data item, if it has one, to that of its row."""
    with suppress(ConditionFailedError), dynamodb.conditions():
        _table().update_item(
            Key=_input_key(project_id, render_id),
            UpdateExpression="SET expires_at = :expires",
            ConditionExpression="attribute_exists(render_id)",
            ExpressionAttributeValues={":expires": expires_at},
        )


def delete_input(project_id: str, render_id: str) -> None:
    """Delete a render's separate data item, if it has one."""
    _table().delete_item(Key=_input_key(project_id, render_id))


def remove_from_index(project_id: str, render_id: str) -> None:
    """Take an erased row out of the index of the unfinished."""
    _table().update_item(
        Key=_key(project_id, render_id), UpdateExpression="REMOVE unfinished, due_at"
    )


def leaving_index(render: Render) -> tuple[dict[str, str], tuple[str, ...]]:
    """What an ended row sets and removes in the index: one with `erase_at` is due again then."""
    if render.erase_at is None:
        return {}, UNFINISHED_FIELDS
    return unfinished_fields(render.id, render.erase_at), ()


def release_claim(claim: dynamodb.Item) -> None:
    """Delete the claim of a render on an idempotency key, if it still has it."""
    with suppress(ConditionFailedError), dynamodb.conditions():
        _table().delete_item(
            Key=_key(claim["project_id"], claim["render_id"]),
            ConditionExpression="claimed_by = :render",
            ExpressionAttributeValues={":render": claim["claimed_by"]},
        )


def _put_new(item: dict[str, Any], now: datetime) -> dict[str, Any]:
    """A put that fails if the item exists, unless it has expired and TTL has not deleted it yet."""
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
    """The claim on an idempotency key, if a render has claimed it."""
    key = _claim_key(project_id, idempotency)
    item: dynamodb.Item | None = _table().get_item(Key=key, ConsistentRead=True).get("Item")
    return item


def discard(render: Render, idempotency: Idempotency | None) -> None:
    """Delete a render that could not be queued.

    Raises:
        ConditionFailedError: a worker has claimed it already.
    """
    data, key = _input_key(render.project_id, render.id), _key(render.project_id, render.id)
    writes: list[dict[str, Any]] = [
        {
            "Delete": {
                "TableName": config.renders_table,
                "Key": key,
                "ConditionExpression": "#status = :queued",
                "ExpressionAttributeNames": {"#status": "status"},
                "ExpressionAttributeValues": {":queued": "queued"},
            }
        },
        {"Delete": {"TableName": config.renders_table, "Key": data}},
        {"Delete": {"TableName": config.render_keys_table, "Key": key}},
    ]
    if idempotency:
        claim = _claim_key(render.project_id, idempotency)
        writes.append({"Delete": {"TableName": config.renders_table, "Key": claim}})
    dynamodb.transact(writes)


def get(project_id: str, render_id: str) -> Render | None:
    item = get_item(project_id, render_id)
    return render_of(item) if item else None


def get_item(project_id: str, render_id: str) -> dynamodb.Item | None:
    """The whole row, including its input."""
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
    """Renders of a project, newest first, and the start key of the next page.

    DynamoDB filters after it reads, so a filtered page can be short and still have a next one.

    Args:
        where: what the fields of a row must be, such as `{"status": "failed"}`.
        only: slugs of which its template must be one, a hundred at most; empty means any.
        metadata: a name and a value of its metadata, such as `order:4711`.
        since: created at this time or later.
        until: created before this time.
    """
    created = KeyCondition("render_id").between(
        first_id_at(max(since, _FIRST_DAY) - _ID_BEFORE_CREATION) if since else "0",
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
    now = utc_now()
    for number in range(_QUERIES_A_PAGE):
        start = {"ExclusiveStartKey": after} if after else {}
        # Most filters match most rows, so the first query reads no more than a page.
        rows = _FILTERED_LIMIT if (conditions or metadata) and number else limit
        answer = _table().query(**query, **start, Limit=rows)
        read = (render_of(item) for item in answer["Items"])
        renders += [
            each
            for each in read
            if each.is_kept_at(now)
            and (not metadata or each.metadata.get(name) == value)
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


def rows(project_id: str, where: Mapping[str, str]) -> Rows[Render]:
    """The renders of a project whose fields are as `where` says, such as `{"mode": "live"}`."""
    conditions: list[ConditionBase] = [Attr(name).eq(value) for name, value in where.items()]
    return Rows(
        _table(),
        KeyCondition("project_id").eq(project_id),
        "render_id",
        render_of,
        where=reduce(and_, conditions) if conditions else None,
    )


def due(shard: int, now: datetime) -> Iterator[Due]:
    """Renders of a shard that have not ended and are due to be checked, the earliest first."""
    is_due = KeyCondition(UNFINISHED).eq(str(shard)) & KeyCondition("due_at").lte(to_rfc3339(now))
    for item in dynamodb.query(
        config.renders_table, IndexName=UNFINISHED, KeyConditionExpression=is_due
    ):
        yield Due(item["project_id"], item["render_id"], item["due_at"])


def between(project_id: str, since: datetime, until: datetime) -> Iterator[Render]:
    """Renders that were made from `since` to before `until`, oldest first."""
    made_then = KeyCondition("render_id").between(first_id_at(since), first_id_at(until))
    condition = KeyCondition("project_id").eq(project_id) & made_then
    return map(render_of, dynamodb.query(config.renders_table, KeyConditionExpression=condition))


def put_document(render: Render, sha256: str) -> None:
    """Note that a render makes a document with this hash, until the render's row expires."""
    _table().update_item(
        Key=_document_key(render.project_id, sha256, render.id),
        UpdateExpression="SET expires_at = :expires",
        ExpressionAttributeValues={":expires": expiry(render.asked_at)},
    )


def delete_document(project_id: str, sha256: str, render_id: str) -> None:
    """Delete what `put_document` wrote, if it did."""
    _table().delete_item(Key=_document_key(project_id, sha256, render_id))


def with_document(project_id: str, sha256: str) -> Iterator[Render]:
    """The renders that `put_document` noted for a hash, at most ten, the newest first."""
    prefix = f"{_DOCUMENT}#{sha256}#"
    condition = KeyCondition("project_id").eq(project_id) & KeyCondition("render_id").begins_with(
        prefix
    )
    found = _table().query(KeyConditionExpression=condition, ScanIndexForward=False, Limit=10)
    for item in found["Items"]:
        render = get(project_id, str(item["render_id"]).removeprefix(prefix))
        if render is not None:
            yield render


def made_between(
    project_id: str, since: datetime, until: datetime, sha256: str
) -> Iterator[Render]:
    """Renders that were made in this time and whose document has this hash."""
    if since < _FIRST_DAY:
        return
    made_then = KeyCondition("render_id").between(first_id_at(since), first_id_at(until))
    yield from map(
        render_of,
        dynamodb.query(
            config.renders_table,
            KeyConditionExpression=KeyCondition("project_id").eq(project_id) & made_then,
            FilterExpression=Attr("sha256").eq(sha256),
        ),
    )


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
    """Change a row conditionally. Returns the changed row.

    Raises:
        ConditionFailedError: `items[0]` is the row as it is, or None.
    """
    return dynamodb.update(
        config.renders_table,
        _key(project_id, render_id),
        set_=set_,
        condition=condition,
        values=values,
        add=add,
        remove=remove,
    )


def render_of(item: dynamodb.Item) -> Render:
    return from_stored(Render, {**item, "id": item["render_id"]})


def unfinished_fields(render_id: str, due_at: datetime) -> dict[str, str]:
    """The attributes that add a row to the index `unfinished`."""
    return {UNFINISHED: str(int(render_id[-4:], 16) % SHARDS), "due_at": to_rfc3339(due_at)}


def expiry(asked_at: datetime) -> int:
    """The TTL of a row: the stage's retention after the render was last requested."""
    return to_epoch_seconds(expires_at(asked_at))


def expires_at(asked_at: datetime) -> datetime:
    return asked_at + timedelta(days=config.retention_days)


def _key(project_id: str, render_id: str) -> dict[str, str]:
    return {"project_id": project_id, "render_id": render_id}


def _claim_key(project_id: str, idempotency: Idempotency) -> dict[str, str]:
    return _key(project_id, f"idempotency#{idempotency.key_hash}")


def _document_key(project_id: str, sha256: str, render_id: str) -> dict[str, str]:
    return _key(project_id, f"{_DOCUMENT}#{sha256}#{render_id}")


def _input_key(project_id: str, render_id: str) -> dict[str, str]:
    return _key(project_id, f"input#{render_id}")


def _table() -> Any:
    return dynamodb.table(config.renders_table)


def _item_of(render: Render) -> dict[str, Any]:
    item = render.model_dump(
        exclude={"id", "expires_at", *_TIMES}, exclude_none=True, exclude_defaults=True
    )
    item |= {"render_id": render.id, "attempt": render.attempt}
    for name in _TIMES:
        moment = getattr(render, name)
        if moment is not None:
            item[name] = to_rfc3339(moment)
    return item
