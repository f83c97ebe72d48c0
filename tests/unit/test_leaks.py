"""The search for leaked keys finds all keys and nothing else."""

from types import SimpleNamespace
from typing import Any

import pytest

from craftkit.auth import api_key
from testkit import leaks


def test_keys_in__finds_a_key_whole_and_without_its_prefix() -> None:
    key = api_key.mint("live", "local")
    assert leaks.keys_in(f"Bearer {key}!") == [key[:13], f"…{key[8:13]}"]
    assert leaks.keys_in(key[8:40]) == [f"…{key[8:13]}"]


def test_keys_in__finds_keys_of_other_processes_by_checksum(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = api_key.mint("live", "prod")
    monkeypatch.setattr(leaks, "minted", set())
    assert leaks.keys_in(f"x {key} x") == [key[:13]]


@pytest.mark.parametrize("text", ["", "ck_live_" + "0" * 38, "ck_test_Ab3dE", "a" * 500])
def test_keys_in__finds_only_keys(text: str) -> None:
    assert leaks.keys_in(text) == []


def test_makereport__fails_a_test_that_logged_a_key() -> None:
    key = api_key.mint("test", "local")
    report = SimpleNamespace(
        when="call", passed=True, outcome="passed", sections=[("Captured stderr call", key)]
    )
    hook: Any = leaks.pytest_runtest_makereport(SimpleNamespace(nodeid="test_x"))  # type: ignore[arg-type]
    next(hook)
    with pytest.raises(StopIteration):
        hook.send(report)
    assert report.outcome == "failed"
    assert key not in report.longrepr
