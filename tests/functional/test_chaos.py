"""Small chaos runs, and tests that a run fails if the code is broken. `make chaos` runs more."""

from typing import Any

import pytest

from craftkit.usage import repository as usage
from craftkit.webhooks import deliveries
from tests.chaos import run as chaos
from tests.chaos.faults import FaultRates

RENDERS = 60
CALM = FaultRates(0, 0, 0, 0, 0, 0, 0, 0)


def figures(seed: int) -> dict[str, int]:
    report = chaos.run(seed, RENDERS)
    assert report.violations == []
    return {name: n for name, n in report.figures.items() if name != "real seconds"}


def test_chaos__all_invariants_hold_and_the_same_seed_gives_the_same_run() -> None:
    first = figures(11)
    assert first["worker_killed"] and first["send_failed"] and first["table_throttled"]
    assert first["live renders counted"] > 0
    assert first == figures(11)


def test_chaos__another_seed_gives_another_run() -> None:
    assert figures(12) != figures(13)


def test_chaos__fails_without_the_requeuer(monkeypatch: pytest.MonkeyPatch) -> None:
    """An invocation that is killed after writing the row and before sending the message."""
    monkeypatch.setattr(chaos, "_requeue", lambda _simulation: None)
    report = chaos.run(11, 2 * RENDERS, FaultRates(other_killed=0.2))
    assert any("not finished" in violation for violation in report.violations)
    assert any("not delivered" in violation for violation in report.violations)


def test_chaos__fails_if_usage_does_not_store_the_counted_ids(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    transact = usage.dynamodb.transact

    def without_ids(writes: list[dict[str, Any]], **options: Any) -> None:
        transact(writes[-1:], **options)

    with monkeypatch.context() as broken:
        broken.setattr(usage, "dynamodb", _With(usage.dynamodb, transact=without_ids))
        report = chaos.run(11, RENDERS, FaultRates(record_twice=0.5))
    assert any("wrong usage counters" in violation for violation in report.violations)


def test_chaos__fails_if_due_deliveries_are_not_queued_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without the index of due deliveries, a delivery whose message was not sent is lost."""
    monkeypatch.setattr(deliveries, "due", lambda _shard, _now: iter(()))
    report = chaos.run(11, RENDERS, FaultRates(send_failed=0.2))
    assert any("not delivered" in violation for violation in report.violations)


def test_chaos__without_faults_each_webhook_is_sent_once() -> None:
    report = chaos.run(11, RENDERS, CALM)
    assert report.violations == []
    assert report.figures["renders accepted"] == RENDERS
    assert "requests answered 5xx" not in report.figures
    assert report.figures["webhooks received"] == report.figures["events received at an endpoint"]


def test_chaos__every_document_of_a_batch_ends_and_is_counted_once() -> None:
    report = chaos.run(11, 0, batches=2)
    assert report.violations == []
    assert report.figures["worker_killed"] > 0
    assert report.figures["batches accepted"] == 2


def test_chaos__fails_without_the_check_of_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chaos, "_requeue", lambda _simulation: None)
    report = chaos.run(11, 0, FaultRates(send_failed=0.5), batches=8)
    assert any("wrong batches" in violation for violation in report.violations)


class _With:
    """A module with some names replaced for one importing module."""

    def __init__(self, module: Any, **replaced: Any) -> None:
        self._module, self._replaced = module, replaced

    def __getattr__(self, name: str) -> Any:
        return self._replaced.get(name, getattr(self._module, name))
