"""The authorizer's own time, warm, without the network: responses are immediate."""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from typing import Any
from unittest.mock import patch

from benchmarks.measurement import Result, medians, milliseconds
from craftkit.auth import api_key
from craftkit.auth.request import public_url_of
from deployment.workspace import ROOT
from testkit.prover import Prover

_CALLS = 200
_ROUNDS = 15


def measure() -> Iterable[Result]:
    key = api_key.mint("live", "local")
    event = json.loads((ROOT / "events" / "authorize.json").read_text(encoding="utf-8"))
    with _environment() as (counted, item), redirect_stderr(StringIO()):
        sys.path.insert(0, str(ROOT / "functions" / "authorize"))
        import app

        def own_time(header: str) -> float:
            event["headers"] = {"Authorization": f"Bearer {header}"}
            return milliseconds(lambda: [app.handler(event, None) for _ in range(_CALLS)]) / _CALLS

        prover = Prover()
        url = public_url_of(event, "")

        def own_bound_time() -> float:
            """Each call has a proof of its own, signed before the time is taken."""
            proofs = [prover.prove(event["httpMethod"], url, key) for _ in range(_CALLS)]
            event["headers"] = {"Authorization": f"DPoP {key}"}
            spent = 0.0
            for proof in proofs:
                event["multiValueHeaders"] = {"DPoP": [proof]}
                spent += milliseconds(lambda: allowed(app.handler(event, None)))
            del event["multiValueHeaders"]
            return spent / _CALLS

        good, malformed = medians(lambda: own_time(key), lambda: own_time("nope"), rounds=_ROUNDS)
        item["bound_to"] = {"S": prover.thumbprint}
        (bound,) = medians(own_bound_time, rounds=_ROUNDS)
        del item["bound_to"]
        counted.clear()
        own_time(key)
        reads = counted.count("GetItem") / _CALLS
    yield Result("authorizer.warm", good, "ms", target="value <= 0.15", note="transport stubbed")
    yield Result(
        "authorizer.warm.bound",
        bound,
        "ms",
        target="value <= 0.6",
        note="a key with an ES256 proof for each request; transport stubbed",
    )
    yield Result("authorizer.malformed", malformed, "ms", note="refused without a read")
    yield Result("authorizer.reads", reads, "calls", target="value == 1")


def allowed(policy: dict[str, Any]) -> None:
    """Raise if the policy denies the call: a refusal would be faster than the work measured."""
    if policy["policyDocument"]["Statement"][0]["Effect"] != "Allow":
        raise RuntimeError("the authorizer did not allow the key")


@contextmanager
def _environment() -> Iterator[tuple[list[str], dict[str, dict[str, str]]]]:
    """Variables, and a transport that returns an active key for every hash.

    Yields the calls, and the item of every key, which may be changed.
    """
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
    asked: list[str] = []

    def answer(_url: str, headers: dict[str, str], *_: bytes, **_how: float) -> tuple[int, bytes]:
        asked.append(headers["x-amz-target"].rpartition(".")[2])
        return 200, json.dumps({"Item": item}).encode()

    variables = {
        "STAGE": "local",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "KEYS_TABLE": "keys",
        "KEY_ACTIVITY_TABLE": "activity",
        "PROOFS_TABLE": "proofs",
        "DYNAMODB_ENDPOINT": "https://dynamodb.us-east-1.amazonaws.com",
    }
    with patch.dict(os.environ, variables), patch("craftkit.auth.connections.post", answer):
        yield asked, item
