"""Writes after the response, and the calls of the Lambda Extensions API."""

import json
import queue
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from craftkit.auth import deferred_writes
from craftkit.auth.activity import Activity
from craftkit.auth.deferred_writes import DeferredWrites
from craftkit.clock import utc_now
from tests.unit.auth.test_activity import Table, record

PATIENCE_SECONDS = 10


@dataclass
class Answer:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def read(self) -> bytes:
        return b"{}"


class ExtensionsApi:
    """A fake of the Extensions API: `asked` are its requests, `invoke()` starts an invocation."""

    def __init__(self, *, status: int = 200) -> None:
        self.asked: queue.Queue[str] = queue.Queue()
        self.registered: list[Any] = []
        self._status = status
        self._invocations: queue.Queue[None] = queue.Queue()

    def invoke(self) -> None:
        self._invocations.put(None)

    def connection(self, address: str, timeout: float | None = None) -> Any:
        api = self

        class Connection:
            def request(self, _method: str, path: str, body: str | None, _headers: Any) -> None:
                self.path = path
                if body:
                    api.registered.append(json.loads(body))
                api.asked.put(path.rpartition("/extension")[2])

            def getresponse(self) -> Answer:
                if self.path.endswith("/next"):
                    api._invocations.get()
                return Answer(api._status, {"Lambda-Extension-Identifier": "id"})

            def close(self) -> None: ...

        return Connection()


class Signalling(Table):
    """A table that signals each write."""

    def __init__(self) -> None:
        super().__init__()
        self.written: queue.Queue[None] = queue.Queue()

    def __call__(self, transaction: dict[str, Any]) -> None:
        super().__call__(transaction)
        self.written.put(None)


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("KEY_ACTIVITY_TABLE", "activity")
    monkeypatch.setattr(deferred_writes, "_ANSWER_SECONDS", 0)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def begin(monkeypatch: pytest.MonkeyPatch, api: ExtensionsApi | None) -> tuple[Any, Any, Any]:
    if api:
        monkeypatch.setattr("http.client.HTTPConnection", api.connection)
    table = Signalling()
    activity = Activity(table)
    runtime_api = "127.0.0.1:9001" if api else None
    after = DeferredWrites(activity, runtime_api, name="key-activity")
    after.start()
    return activity, after, table


def test_deferred_writes__an_invocation_stays_open_until_its_use_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api = ExtensionsApi()
    activity, after, table = begin(monkeypatch, api)
    assert api.asked.get(timeout=PATIENCE_SECONDS) == "/register"
    assert api.registered == [{"events": ["INVOKE"]}]
    assert api.asked.get(timeout=PATIENCE_SECONDS) == "/event/next"
    api.invoke()
    assert table.writes == 0
    activity.note(record(), utc_now())
    after.answered()
    table.written.get(timeout=PATIENCE_SECONDS)
    assert api.asked.get(timeout=PATIENCE_SECONDS) == "/event/next"
    assert table.writes == 1


def test_deferred_writes__an_invocation_with_nothing_to_write_ends_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api = ExtensionsApi()
    _, after, table = begin(monkeypatch, api)
    api.invoke()
    after.answered()
    asked = [api.asked.get(timeout=PATIENCE_SECONDS) for _ in range(3)]
    assert asked == ["/register", "/event/next", "/event/next"]
    assert table.writes == 0


def test_deferred_writes__a_failing_table_does_not_delay_the_next_invocation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api = ExtensionsApi()
    activity, after, table = begin(monkeypatch, api)
    table.is_broken = True
    activity.note(record(), utc_now())
    api.invoke()
    after.answered()
    asked = [api.asked.get(timeout=PATIENCE_SECONDS) for _ in range(3)]
    assert asked[-1] == "/event/next"


@pytest.mark.parametrize("api", [None, ExtensionsApi(status=403)])
def test_deferred_writes__without_the_extensions_api_a_thread_writes(
    monkeypatch: pytest.MonkeyPatch, api: ExtensionsApi | None
) -> None:
    activity, after, table = begin(monkeypatch, api)
    activity.note(record(), utc_now())
    after.answered()
    table.written.get(timeout=PATIENCE_SECONDS)
    assert table.writes == 1


def test_deferred_writes__a_terminating_instance_writes_its_pending_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    activity, _, table = begin(monkeypatch, None)
    activity.note(record(), utc_now())
    activity.flush(utc_now())
    activity.note(record(), utc_now())
    with pytest.raises(SystemExit):
        signal.raise_signal(signal.SIGTERM)
    assert sum(table.requests.values()) == 2
