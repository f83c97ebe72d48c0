"""Key activity: at most one write a minute, never an error, no count lost."""

from typing import Any

from craftkit.auth.activity import Activity
from craftkit.auth.lookup import KeyRecord
from craftkit.auth.principal import Principal
from tests.support.clock import FrozenClock

RECORD = KeyRecord(Principal("project", "key", "live", frozenset()), "ck_live_Ab3dE", None, None)


class Writes:
    """UpdateItem, noted. Fails while `broken`."""

    def __init__(self) -> None:
        self.counts: list[int] = []
        self.broken = False

    def __call__(self, update: dict[str, Any]) -> None:
        if self.broken:
            raise OSError("no route")
        self.counts.append(int(update["ExpressionAttributeValues"][":count"]["N"]))


def use(activity: Activity, clock: FrozenClock, times: int = 1) -> None:
    for _ in range(times):
        if thread := activity.note(RECORD, clock()):
            thread.join()


def test_note__the_first_use_is_written_at_once(monkeypatch: Any) -> None:
    monkeypatch.setenv("KEY_ACTIVITY_TABLE", "activity")
    writes, clock = Writes(), FrozenClock()
    use(Activity(writes), clock)
    assert writes.counts == [1]


def test_note__uses_within_a_minute_make_one_write_after_it(monkeypatch: Any) -> None:
    monkeypatch.setenv("KEY_ACTIVITY_TABLE", "activity")
    writes, clock = Writes(), FrozenClock()
    activity = Activity(writes)
    use(activity, clock, times=50)
    clock.advance(seconds=60)
    use(activity, clock)
    assert writes.counts == [1, 50]


def test_note__a_failed_write_keeps_its_count_for_the_next(monkeypatch: Any) -> None:
    monkeypatch.setenv("KEY_ACTIVITY_TABLE", "activity")
    writes, clock = Writes(), FrozenClock()
    activity = Activity(writes)
    writes.broken = True
    use(activity, clock, times=3)
    writes.broken = False
    clock.advance(minutes=1)
    use(activity, clock)
    assert writes.counts == [4]
