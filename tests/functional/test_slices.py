"""Slices of long lists: both directions, bounds in time, and a bound of what is read."""

from datetime import timedelta
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import Key

from craftkit import dynamodb
from craftkit.config import config
from craftkit.ids import derived_id
from craftkit.slices import READ_LIMIT, Place, Rows, Slice
from testkit.clock import NOON
from testkit.cloud import Cloud

ROWS = 60


def at(number: int) -> str:
    """The id of the row that was created so many minutes after noon."""
    return derived_id(NOON + timedelta(minutes=number), str(number))


def fill(cloud: Cloud, numbers: range) -> None:
    table: Any = boto3.resource("dynamodb").Table(cloud.names["DeliveriesTable"])
    with table.batch_writer() as batch:
        for number in numbers:
            item = {"endpoint_id": "e", "delivery_id": at(number), "number": number}
            batch.put_item(Item=item)


@pytest.fixture
def rows(cloud: Cloud) -> Rows[int]:
    fill(cloud, range(ROWS))
    return Rows(
        dynamodb.table(config.deliveries_table),
        Key("endpoint_id").eq("e"),
        "delivery_id",
        lambda item: int(item["number"]),
    )


def walk(rows: Rows[int], *, limit: int) -> list[Slice[int]]:
    found = [rows.read(Place(), limit=limit)]
    while found[-1].older:
        found.append(rows.read(Place(after=found[-1].older), limit=limit))
    return found


@pytest.mark.parametrize("limit", [1, 7, 20, 59, 60, 61])
def test_read__back_and_forth_shows_every_row_once(rows: Rows[int], limit: int) -> None:
    slices = walk(rows, limit=limit)
    assert [row for each in slices for row in each.rows] == list(reversed(range(ROWS)))
    assert slices[0].newer is None
    for older, newer in zip(reversed(slices), list(reversed(slices))[1:], strict=False):
        again = rows.read(Place(before=older.newer), limit=limit)
        assert again.rows == newer.rows
        assert (again.newer is None) == (newer.newer is None)


def test_read__reads_little_more_than_it_returns(rows: Rows[int]) -> None:
    assert rows.read(Place(), limit=5).read == 6
    assert rows.read(Place(after=at(30)), limit=5).read == 7


def test_read__of_a_time_from_its_first_to_before_its_last_moment(rows: Rows[int]) -> None:
    since, until = NOON + timedelta(minutes=10), NOON + timedelta(minutes=13)
    assert rows.read(Place(since=since, until=until), limit=9).rows == [12, 11, 10]
    assert rows.read(Place(after=at(12), since=since), limit=9).rows == [11, 10]
    assert rows.read(Place(before=at(10), until=until), limit=9).rows == [12, 11]
    assert rows.read(Place(since=until, until=since), limit=9) == Slice()


def test_read__stops_at_its_bound_and_goes_on_from_there(cloud: Cloud, rows: Rows[int]) -> None:
    fill(cloud, range(ROWS, READ_LIMIT + 100))

    def matches(number: int) -> bool:
        return number == 50

    first = rows.read(Place(), limit=5, matches=matches)
    assert (first.rows, first.is_cut, first.read) == ([], True, READ_LIMIT)
    second = rows.read(Place(after=first.older), limit=5, matches=matches)
    assert (second.rows, second.is_cut, second.older) == ([50], False, None)
