"""The authorizer's own time, warm, without the network: responses are immediate."""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from unittest.mock import patch

from benchmarks.measurement import Result, medians, milliseconds
from craftkit.auth import api_key
from deployment.workspace import ROOT

_CALLS = 200
_ROUNDS = 15


def measure() -> Iterable[Result]:
    key = api_key.mint("live", "local")
    event = json.loads((ROOT / "events" / "authorize.json").read_text(encoding="utf-8"))
    with _environment() as counted, redirect_stderr(StringIO()):
        sys.path.insert(0, str(ROOT / "functions" / "authorize"))
        import app

        def own_time(header: str) -> float:
            event["headers"] = {"Authorization": f"Bearer {header}"}
            return milliseconds(lambda: [app.handler(event, None) for _ in range(_CALLS)]) / _CALLS

        good, malformed = medians(lambda: own_time(key), lambda: own_time("nope"), rounds=_ROUNDS)
        counted.clear()
        own_time(key)
        reads = counted.count("GetItem") / _CALLS
    yield Result("authorizer.warm", good, "ms", target="value <= 0.3", note="transport stubbed")
    yield Result("authorizer.malformed", malformed, "ms", note="refused without a read")
    yield Result("authorizer.reads", reads, "calls", target="value == 1")


@contextmanager
def _environment() -> Iterator[list[str]]:
    """Variables, and a transport that returns an active key for every hash. Yields the calls."""
    item = {
        name: {"S": value}
        for name, value in {
            "project_id": "019cec2a-0000-7000-8000-000000000001",
            "key_id": "019cec2a-1000-7000-8000-000000000001",
            "mode": "live",
            "scopes": "embed:write renders:read renders:write templates:read",
            "templates": "",
            "prefix": "ck_live_abcde",
        }.items()
    }
    body = json.dumps({"Item": item}).encode()
    asked: list[str] = []

    def answer(_url: str, headers: dict[str, str], *_: bytes, **_how: float) -> tuple[int, bytes]:
        asked.append(headers["x-amz-target"].rpartition(".")[2])
        return 200, body

    variables = {
        "STAGE": "local",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "KEYS_TABLE": "keys",
        "KEY_ACTIVITY_TABLE": "activity",
        "DYNAMODB_ENDPOINT": "https://dynamodb.us-east-1.amazonaws.com",
    }
    with patch.dict(os.environ, variables), patch("craftkit.auth.connections.post", answer):
        yield asked
