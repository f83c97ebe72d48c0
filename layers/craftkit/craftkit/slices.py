"""Parts of long lists: rows of one partition by the time in their sort key, read in both
directions with a bound.

A sort key is a UUIDv7, which sorts by time, behind a prefix that all rows of the list share.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from boto3.dynamodb.conditions import ConditionBase
from boto3.dynamodb.conditions import Key as KeyCondition

from craftkit.dynamodb import Item
from craftkit.ids import first_id_at

READ_LIMIT = 2_000
"""Rows that are read for one slice; the rest of the list is read by the next one."""

_QUERY_LIMIT = 200
_BEFORE_IDS, _AFTER_IDS = "0", "g"
"""Sort before and after every UUID, and before other rows of the partition."""


@dataclass(frozen=True)
class Place:
    """A part of a list: rows created from `since` to before `until`, either older than the row with
    the id `after`, or newer than the row with the id `before`. Without both, the newest rows.
    """

    after: str | None = None
    before: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def bounds(self) -> tuple[str, str]:
        """The first and the last id, both inclusive."""
        first = first_id_at(self.since) if self.since else _BEFORE_IDS
        last = first_id_at(self.until) if self.until else _AFTER_IDS
        if self.after:
            return first, min(last, self.after)
        return max(first, self.before or first), last


@dataclass(frozen=True)
class Slice[Row]:
    """Rows, newest first.

    `newer` is the id that newer rows can be read from with `Place(before=…)`, and `older` the one
    that older rows can be read from with `Place(after=…)`; None where the list ends. `read` is the
    number of rows read, and `partitions` the number of the partitions that hold them. If `is_cut`,
    reading ended at the bound, and not at the end of the list.
    """

    rows: list[Row] = field(default_factory=list)
    newer: str | None = None
    older: str | None = None
    read: int = 0
    is_cut: bool = False
    partitions: int = 1

    def with_rows[Other](self, rows: list[Other]) -> "Slice[Other]":
        """The same slice with other rows, such as views of these."""
        return Slice(rows, self.newer, self.older, self.read, self.is_cut, self.partitions)


@dataclass(frozen=True)
class Rows[Row]:
    """Where the rows of a list are.

    Args:
        partition: the condition of the partition key.
        prefix: what precedes the id in the sort key.
        where: a condition that DynamoDB checks after it reads.
    """

    table: Any
    partition: ConditionBase
    sort_key: str
    parse: Callable[[Item], Row]
    prefix: str = ""
    index: str | None = None
    where: ConditionBase | None = None

    def read(
        self, place: Place, *, limit: int, matches: Callable[[Row], bool] = lambda _row: True
    ) -> Slice[Row]:
        """A slice of at most `limit` matching rows. At most `READ_LIMIT` rows are read."""
        first, last = place.bounds
        if first > last:
            return Slice()
        is_forward = place.before is not None and place.after is None
        query = self._query(first, last) | {"ScanIndexForward": is_forward}
        found: list[tuple[str, Row]] = []
        read, seen, is_cut = 0, place.after or place.before, False
        # Most rows match as a rule, so the first query reads little more than the slice.
        query["Limit"] = limit + (2 if seen else 1)
        while len(found) <= limit:
            answer = self.table.query(**query)
            read += answer["ScannedCount"]
            for item in answer["Items"]:
                id_ = str(item[self.sort_key]).removeprefix(self.prefix)
                if id_ not in (place.after, place.before) and matches(row := self.parse(item)):
                    found.append((id_, row))
            if (start := answer.get("LastEvaluatedKey")) is None:
                break
            seen = str(start[self.sort_key]).removeprefix(self.prefix)
            if read >= READ_LIMIT:
                is_cut = True
                break
            query |= {"ExclusiveStartKey": start, "Limit": min(_QUERY_LIMIT, READ_LIMIT - read)}
        onward = seen if is_cut else None
        if len(found) > limit:
            found, is_cut = found[:limit], False
            onward = found[-1][0]
        ids = [id_ for id_, _ in found]
        back = ids[0] if ids else place.after or place.before
        if is_forward:
            rows = [row for _, row in reversed(found)]
            return Slice(rows, newer=onward, older=back, read=read, is_cut=is_cut)
        newer = back if place.after else None
        return Slice([row for _, row in found], newer=newer, older=onward, read=read, is_cut=is_cut)

    def _query(self, first: str, last: str) -> dict[str, Any]:
        within = KeyCondition(self.sort_key).between(self.prefix + first, self.prefix + last)
        query: dict[str, Any] = {"KeyConditionExpression": self.partition & within}
        if self.index:
            query["IndexName"] = self.index
        if self.where is not None:
            query["FilterExpression"] = self.where
        return query
