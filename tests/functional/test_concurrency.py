"""Leases: how many calls of one kind of work a project may have running."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from craftkit import clock
from craftkit.errors import RateLimitedError
from craftkit.limits.concurrency import Lease, Work, acquire, release, running
from testkit.cloud import Cloud

WORK = Work("sync", "synchronous renders", limit=3, lasts_at_most=timedelta(seconds=30))


@pytest.fixture(autouse=True)
def _limits_table(cloud: Cloud) -> Any:
    with cloud.as_function("CreateRenderFunction"):
        yield


def test_acquire__limit_is_reached__the_next_call_is_refused_with_retry_after() -> None:
    now = clock.utc_now()
    for _ in range(WORK.limit):
        acquire(WORK, "project", now)

    with pytest.raises(RateLimitedError) as refused:
        acquire(WORK, "project", now)

    assert 1 <= int(refused.value.headers["Retry-After"]) <= 5
    assert "3 synchronous renders" in str(refused.value)


def test_release__a_released_lease_can_be_taken() -> None:
    now = clock.utc_now()
    leases = [acquire(WORK, "project", now) for _ in range(WORK.limit)]

    release(leases[1])

    assert acquire(WORK, "project", now).attribute == leases[1].attribute


def test_acquire__leases_of_crashed_processes_expire() -> None:
    now = clock.utc_now()
    for _ in range(WORK.limit):
        acquire(WORK, "project", now)

    later = now + WORK.lasts_at_most + timedelta(seconds=1)

    assert [acquire(WORK, "project", later) for _ in range(WORK.limit)]


def test_release__a_lease_of_another_call_is_not_released() -> None:
    only_one = Work("sync", "renders", limit=1, lasts_at_most=WORK.lasts_at_most)
    now = clock.utc_now()
    late = acquire(only_one, "project", now)
    later = now + WORK.lasts_at_most + timedelta(seconds=1)
    acquire(only_one, "project", later)

    release(late)

    with pytest.raises(RateLimitedError):
        acquire(only_one, "project", later)


def test_acquire__projects_and_kinds_have_separate_limits() -> None:
    now = clock.utc_now()
    for _ in range(WORK.limit):
        acquire(WORK, "one", now)

    assert acquire(WORK, "two", now)
    assert acquire(Work("preview", "previews", 1, WORK.lasts_at_most), "one", now)


def test_acquire__limit_is_lowered__existing_leases_stay_valid() -> None:
    now = clock.utc_now()
    acquire(WORK, "project", now)
    lower = Work("sync", "renders", limit=1, lasts_at_most=WORK.lasts_at_most)

    taken: list[Lease] = []
    with pytest.raises(RateLimitedError):
        taken.extend(acquire(lower, "project", now) for _ in range(2))


def test_acquire__concurrent_calls__never_exceed_the_limit() -> None:
    now = clock.utc_now()

    def attempt(_: int) -> bool:
        try:
            acquire(WORK, "project", now)
        except RateLimitedError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(attempt, range(24)))

    assert 1 <= sum(taken) <= WORK.limit


def test_running__an_error_releases_the_lease() -> None:
    only_one = Work("sync", "renders", limit=1, lasts_at_most=WORK.lasts_at_most)
    with pytest.raises(ValueError, match="broken"), running(only_one, "project"):
        raise ValueError("broken")

    with running(only_one, "project"):
        pass


def test_running__no_limit__takes_no_lease(cloud: Cloud) -> None:
    with running(Work("sync", "renders", 0, WORK.lasts_at_most), "project"):
        pass

    assert cloud.table("LimitsTable").scan()["Items"] == []
