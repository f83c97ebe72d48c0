"""Rows of the request log, which `auth.request_log` writes.

The partition is a key, or the trust rule of tokens; the sort key is the time and the request id.
TTL deletes a row after `RequestLogDays`.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import and_
from typing import Any

from boto3.dynamodb.conditions import Attr, ConditionBase
from boto3.dynamodb.conditions import Key as KeyCondition

from craftkit import dynamodb
from craftkit.clock import to_epoch_seconds, to_rfc3339, utc_now
from craftkit.config import config
from craftkit.dynamodb import Item
from craftkit.requests.models import LoggedRequest, RequestView
from craftkit.schema import from_stored

_FIRST, _LAST = "0", "~"
"""Sort before and after every time."""

_QUERIES_A_PAGE = 10
_FILTERED_LIMIT = 200
"""A filtered page reads at most 2,000 rows of a partition, and returns a cursor for the rest."""


@dataclass(frozen=True)
class Filters:
    """What a row must be. `status` is a status such as 404, or a class such as 4xx."""

    key_id: str | None = None
    status: str | None = None
    route: str | None = None
    request_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def condition(self) -> ConditionBase | None:
        found: list[ConditionBase] = []
        if self.key_id:
            found.append(Attr("key_id").eq(self.key_id))
        if self.status and self.status.endswith("xx"):
            first = int(self.status[0]) * 100
            found.append(Attr("status").between(first, first + 99))
        elif self.status:
            found.append(Attr("status").eq(int(self.status)))
        if self.route:
            found.append(Attr("route").eq(self.route))
        return reduce(and_, found) if found else None


def page(
    log_ids: Sequence[str],
    filters: Filters,
    *,
    limit: int,
    before: str | None,
    is_forward: bool = False,
) -> tuple[list[LoggedRequest], str | None]:
    """Rows of some partitions, newest first, and the start position of the next page.

    DynamoDB filters after it reads, so a filtered page can be short and still have a next one.

    Args:
        before: the position that the page before ended at.
        is_forward: read the rows after the position `before`, oldest first.
    """
    now = to_epoch_seconds(utc_now())
    sources = [_rows(log_id, filters, limit, before, is_forward) for log_id in log_ids]
    found: list[LoggedRequest] = []
    position = None
    for position, item in heapq.merge(*sources, key=lambda row: row[0], reverse=not is_forward):
        if item is None:  # a partition was not read to its end
            return found, position
        if len(found) == limit:
            return found, position_of(found[-1])
        if item["expires_at"] > now:
            found.append(_request_of(item))
    return found, None


def count_refused(log_id: str, *, since: datetime, until: datetime) -> int:
    """Rows with 401 or 403 between two times, as far as one query reads (1 MB)."""
    within = KeyCondition("at_request").between(to_rfc3339(since), to_rfc3339(until))
    answer = _table().query(
        KeyConditionExpression=KeyCondition("log_id").eq(log_id) & within,
        FilterExpression=Attr("status").is_in([401, 403]),
        ScanIndexForward=False,
        Select="COUNT",
    )
    return int(answer["Count"])


def put(item: Item) -> None:
    """Write a row."""
    _table().put_item(Item=item)


def _rows(
    log_id: str, filters: Filters, limit: int, before: str | None, is_forward: bool
) -> Iterator[tuple[str, Item | None]]:
    """Position and row of each match in one partition; without a row where reading ended early."""
    first = to_rfc3339(filters.since) if filters.since else _FIRST
    last = to_rfc3339(filters.until) if filters.until else _LAST
    if before:
        first, last = (max(first, before), last) if is_forward else (first, min(last, before))
    if last < first:
        return
    within = KeyCondition("at_request").between(first, last)
    query: dict[str, Any] = {
        "KeyConditionExpression": KeyCondition("log_id").eq(log_id) & within,
        "ScanIndexForward": is_forward,
    }
    condition = filters.condition()
    is_filtered = condition is not None or filters.request_id is not None
    if condition is not None:
        query["FilterExpression"] = condition
    number = 0
    while True:
        # Most filters match most rows, so the first query reads little more than a page.
        rows = _FILTERED_LIMIT if is_filtered and number else limit + 1
        answer = _table().query(**query, Limit=rows)
        for item in answer["Items"]:
            sort_key = str(item["at_request"])
            is_wanted = filters.request_id in (None, sort_key.partition("#")[2])
            if sort_key != before and is_wanted:
                yield sort_key, item
        if (after := answer.get("LastEvaluatedKey")) is None:
            return
        query["ExclusiveStartKey"] = after
        number += 1
        if number == _QUERIES_A_PAGE:
            yield str(after["at_request"]), None
            return


def position_of(request: LoggedRequest | RequestView) -> str:
    """Where the request is in the list of all."""
    return f"{to_rfc3339(request.at)}#{request.request_id}"


def _request_of(item: Item) -> LoggedRequest:
    at, _, request_id = str(item["at_request"]).partition("#")
    return from_stored(LoggedRequest, {**item, "at": at, "request_id": request_id})


def _table() -> Any:
    return dynamodb.table(config.requests_table)
