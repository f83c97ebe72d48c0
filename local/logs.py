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
        pages = logs.get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=group, startTime=since):
            for event in page["events"]:
                moment = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                text = f"{moment:%H:%M:%S}  {event['message'].rstrip()}"
                found.append((event["timestamp"], text))
    return sorted(found, key=lambda line: line[0])


@contextmanager
def shown_on_failure(endpoint: str, home: Path) -> Iterator[None]:
    """Keep the functions' log in `logs/functions.log`, and show its end, when the block fails."""
    try:
        yield
    except TaskError as error:
        log = home / "logs" / "functions.log"
        log.write_text("\n".join(line for _, line in lines(endpoint)), encoding="utf-8")
        raise TaskError(f"{error}\n{tail(log)}") from error
