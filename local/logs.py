"""Reads the functions' logs from CloudWatch Logs of the embedded AWS."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deployment.workspace import TaskError, tail
from local.stack import session

_FOLLOW_SECONDS = 1.0
_PAGE = 10_000
"""Events of one response, on AWS at most 1 MB of them: there the token would lead on."""


def follow(endpoint: str) -> None:
    """Print all log lines of all functions, past ones first, until Ctrl-C."""
    since = 0
    while True:
        for moment, line in lines(endpoint, since):
            print(line, flush=True)
            since = max(since, moment + 1)
        time.sleep(_FOLLOW_SECONDS)


def lines(endpoint: str, since: int = 0) -> list[tuple[int, str]]:
    """Time (epoch milliseconds) and text of each log line since a time, in order."""
    logs: Any = session().client("logs", endpoint_url=endpoint)
    found: list[tuple[int, str]] = []
    groups = [
        group["logGroupName"]
        for page in logs.get_paginator("describe_log_groups").paginate()
        for group in page["logGroups"]
    ]
    for group in groups:
        for event in _events(logs, group, since):
            moment = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
            text = f"{moment:%H:%M:%S}  {event['message'].rstrip()}"
            found.append((event["timestamp"], text))
    return sorted(found, key=lambda line: line[0])


def _events(logs: Any, group: str, since: int) -> Iterator[dict[str, Any]]:
    """The events of a log group in order.

    The embedded AWS returns 10,000 events and no token for the rest. The next page begins at the
    time of the last event, whose events of that time come again.
    """
    seen: set[tuple[str, str]] = set()
    while True:
        events = logs.filter_log_events(logGroupName=group, startTime=since)["events"]
        new = [each for each in events if each["timestamp"] > since or _identity(each) not in seen]
        yield from new
        if len(events) < _PAGE or not new:
            return
        since = events[-1]["timestamp"]
        seen = {_identity(each) for each in events if each["timestamp"] == since}


def _identity(event: dict[str, Any]) -> tuple[str, str]:
    """Of an event among those of the same time. Each invocation has a stream of its own."""
    return event["logStreamName"], event["message"]


@contextmanager
def shown_on_failure(endpoint: str, home: Path) -> Iterator[None]:
    """Keep the functions' log in `logs/functions.log`, and show its end, when the block fails."""
    try:
        yield
    except TaskError as error:
        log = home / "logs" / "functions.log"
        log.write_text("\n".join(line for _, line in lines(endpoint)), encoding="utf-8")
        raise TaskError(f"{error}\n{tail(log)}") from error
