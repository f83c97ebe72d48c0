"""Reading the log of the embedded AWS, whose responses end after 10,000 events."""

from typing import Any

import pytest

from local import logs

LINES = 25


class Logs:
    """`FilterLogEvents` as the embedded AWS answers it: no token for what is left out."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        # Four events share each time.
        self.events = [
            {"timestamp": number // 4, "message": f"line {number}", "logStreamName": "stream"}
            for number in range(LINES)
        ]

    def get_paginator(self, _name: str) -> "Logs":
        return self

    def paginate(self) -> list[dict[str, Any]]:
        return [{"logGroups": [{"logGroupName": "group"}]}]

    def filter_log_events(self, *, logGroupName: str, startTime: int) -> Any:  # noqa: N803
        assert logGroupName == "group"
        found = [event for event in self.events if event["timestamp"] >= startTime]
        return {"events": found[: self.limit]}


@pytest.mark.parametrize("limit", [5, 8, LINES, LINES + 1])
def test_lines__returns_every_line_once(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    class Session:
        def client(self, _name: str, endpoint_url: str) -> Logs:
            assert endpoint_url == "http://localhost"
            return Logs(limit)

    monkeypatch.setattr(logs, "session", Session)
    monkeypatch.setattr(logs, "_PAGE", limit)
    found = [text.partition("line ")[2] for _, text in logs.lines("http://localhost")]
    assert found == [str(number) for number in range(LINES)]
