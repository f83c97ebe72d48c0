"""Key activity: at most one write a minute for a secret; each use counts once."""

from typing import Any

import pytest

from craftkit.auth.activity import Activity
from craftkit.auth.dynamodb_client import RefusedWriteError, TableUnavailableError
from craftkit.auth.lookup import KeyRecord
from craftkit.auth.principal import Principal
from testkit.clock import FrozenClock


def record(key_id: str = "key", prefix: str = "ck_live_Ab3dE") -> KeyRecord:
    return KeyRecord(Principal("project", key_id, "live", frozenset()), prefix, None, None)


class Table:
    """Records TransactWriteItems: the counts by secret and day, and the client tokens."""

    def __init__(self) -> None:
        self.writes = 0
        self.requests: dict[str, int] = {}
        self.renders: dict[str, int] = {}
        self.last_used: dict[str, str] = {}
        self.tokens: list[str] = []
        self.is_broken = self.loses_answers = False

    def __call__(self, transaction: dict[str, Any]) -> None:
        if self.is_broken:
            raise TableUnavailableError
        token = transaction["ClientRequestToken"]
        if token not in self.tokens:
            self._apply(transaction)
            self.tokens.append(token)
        if self.loses_answers:
            raise TableUnavailableError

    def _apply(self, transaction: dict[str, Any]) -> None:
        secret, day = (item["Update"] for item in transaction["TransactItems"])
        name = secret["Key"]["secret_day"]["S"]
        values = secret["ExpressionAttributeValues"]
        if ":last" in values:
            if self.last_used.get(name, "") >= values[":last"]["S"]:
                raise RefusedWriteError
            self.last_used[name] = values[":last"]["S"]
        for counts, value in ((self.requests, ":requests"), (self.renders, ":renders")):
            at = day["Key"]["secret_day"]["S"]
            counts[at] = counts.get(at, 0) + int(day["ExpressionAttributeValues"][value]["N"])
        self.writes += 1


@pytest.fixture(autouse=True)
def table_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_ACTIVITY_TABLE", "activity")


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def activity(table: Table) -> Activity:
    return Activity(table)


DAY = "ck_live_Ab3dE#2026-03-14"


def test_flush__the_first_use_is_written_at_once(activity: Activity, table: Table) -> None:
    clock = FrozenClock()
    assert activity.due_in(clock()) is None
    activity.note(record(), clock())
    assert activity.due_in(clock()) == 0
    activity.flush(clock())
    assert table.requests == {DAY: 1}
    assert activity.due_in(clock()) is None


def test_flush__uses_within_a_minute_are_one_write(activity: Activity, table: Table) -> None:
    clock = FrozenClock()
    for _ in range(50):
        activity.note(record(), clock())
        activity.flush(clock())
        clock.advance(seconds=1)
    assert table.writes == 1
    assert activity.due_in(clock()) == 10
    clock.advance(seconds=10)
    activity.flush(clock())
    assert table.writes == 2
    assert table.requests == {DAY: 50}


def test_flush__counts_renders_separately(activity: Activity, table: Table) -> None:
    clock = FrozenClock()
    activity.note(record(), clock(), is_render=True)
    activity.note(record(), clock())
    activity.flush(clock())
    assert (table.requests, table.renders) == ({DAY: 2}, {DAY: 1})


def test_flush__a_use_before_midnight_counts_for_the_ending_day(
    activity: Activity, table: Table
) -> None:
    clock = FrozenClock()
    activity.note(record(), clock())
    activity.flush(clock())
    clock.advance(hours=11, minutes=59, seconds=30)
    activity.note(record(), clock())
    activity.flush(clock())
    activity.note(record(), clock())
    clock.advance(minutes=1)
    activity.note(record(), clock())
    activity.flush(clock(), everything=True)
    assert table.requests == {DAY: 3, "ck_live_Ab3dE#2026-03-15": 1}


def test_flush__each_secret_of_a_key_has_its_own_count(activity: Activity, table: Table) -> None:
    clock = FrozenClock()
    activity.note(record(prefix="ck_live_old00"), clock())
    activity.note(record(prefix="ck_live_new00"), clock())
    activity.flush(clock())
    assert sorted(table.requests) == ["ck_live_new00#2026-03-14", "ck_live_old00#2026-03-14"]


def test_flush__a_failed_write_is_retried_after_a_minute(activity: Activity, table: Table) -> None:
    clock = FrozenClock()
    table.is_broken = True
    for _ in range(3):
        activity.note(record(), clock())
    activity.flush(clock())
    table.is_broken = False
    activity.note(record(), clock.advance(seconds=20))
    assert activity.due_in(clock()) == 40
    activity.flush(clock.advance(seconds=40))
    assert table.requests == {DAY: 4}


def test_flush__a_write_with_a_lost_response_counts_once(activity: Activity, table: Table) -> None:
    clock = FrozenClock()
    table.loses_answers = True
    activity.note(record(), clock())
    activity.flush(clock())
    table.loses_answers = False
    activity.flush(clock.advance(minutes=1))
    assert table.requests == {DAY: 1}
    assert activity.due_in(clock()) is None


def test_flush__a_late_count_does_not_set_the_last_use_back(table: Table) -> None:
    clock = FrozenClock()
    late, early = Activity(table), Activity(table)
    late.note(record(), clock())
    early.note(record(), clock.advance(minutes=5))
    early.flush(clock())
    late.flush(clock())
    assert table.last_used == {"ck_live_Ab3dE": "2026-03-14T12:05:00.000Z"}
    assert table.requests == {DAY: 2}


def test_flush__works_after_the_clock_is_set_back(activity: Activity, table: Table) -> None:
    clock = FrozenClock()
    activity.note(record(), clock())
    activity.flush(clock())
    activity.note(record(), clock.advance(hours=-3))
    assert activity.due_in(clock()) == 0
    activity.flush(clock())
    assert sum(table.requests.values()) == 2


def test_flush__everything_includes_uses_that_are_not_due(activity: Activity, table: Table) -> None:
    clock = FrozenClock()
    activity.note(record(), clock())
    activity.flush(clock())
    activity.note(record(), clock())
    activity.flush(clock(), everything=True)
    assert table.requests == {DAY: 2}


def test_note__unused_secrets_do_not_accumulate(activity: Activity, table: Table) -> None:
    clock = FrozenClock()
    for number in range(500):
        activity.note(record(f"key-{number}"), clock())
        activity.flush(clock())
        clock.advance(seconds=1)
    assert len(activity._written_at) <= 61
    assert activity._counted == {}
