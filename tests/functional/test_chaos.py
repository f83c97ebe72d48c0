"""A small fault run in every test run, and the proof that one could fail. `make chaos` is big."""

from typing import Any

import pytest

from craftkit.usage import repository as usage
from craftkit.webhooks import deliveries
from tests.chaos import run as chaos
from tests.chaos.faults import Odds

RENDERS = 60
CALM = Odds(0, 0, 0, 0, 0, 0, 0, 0)


def figures(seed: int) -> dict[str, int]:
    verdict = chaos.run(seed, RENDERS)
    assert verdict.broken == []
    return {name: n for name, n in verdict.figures.items() if name != "seconds here"}


def test_chaos__every_promise_is_kept_and_the_same_seed_is_the_same_run() -> None:
    first = figures(11)
    assert first["worker_killed"] and first["send_failed"] and first["table_throttled"]
    assert first["live renders counted"] > 0
    assert first == figures(11)


def test_chaos__another_seed_is_another_run() -> None:
    assert figures(12) != figures(13)


def test_chaos__a_requeuer_that_never_runs_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is killed between a render's row and its message loses the message."""
    monkeypatch.setattr(chaos, "_requeue", lambda _world: None)
    verdict = chaos.run(11, 2 * RENDERS, Odds(other_killed=0.2))
    assert any("never ended" in promise for promise in verdict.broken)
    assert any("not told" in promise for promise in verdict.broken)


def test_chaos__usage_without_its_lists_of_ids_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    transact = usage.dynamodb.transact

    def forgetful(writes: list[dict[str, Any]], **how: Any) -> None:
        transact(writes[-1:], **how)

    with monkeypatch.context() as broken:
        broken.setattr(usage, "dynamodb", _With(usage.dynamodb, transact=forgetful))
        verdict = chaos.run(11, RENDERS, Odds(record_twice=0.5))
    assert any("counted wrongly" in promise for promise in verdict.broken)


def test_chaos__deliveries_that_are_only_messages_are_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without the index, what a queue did not take is lost."""
    monkeypatch.setattr(deliveries, "due", lambda _shard, _now: iter(()))
    verdict = chaos.run(11, RENDERS, Odds(send_failed=0.2))
    assert any("not told" in promise for promise in verdict.broken)


def test_chaos__without_faults_nothing_is_done_twice() -> None:
    verdict = chaos.run(11, RENDERS, CALM)
    assert verdict.broken == []
    assert verdict.figures["renders accepted"] == RENDERS
    assert "requests answered 5xx" not in verdict.figures
    told = verdict.figures["events received at an endpoint"]
    assert verdict.figures["webhooks received"] == told


class _With:
    """A module with some of its names replaced, for one of its users alone."""

    def __init__(self, module: Any, **replaced: Any) -> None:
        self._module, self._replaced = module, replaced

    def __getattr__(self, name: str) -> Any:
        return self._replaced.get(name, getattr(self._module, name))
