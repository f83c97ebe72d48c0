"""Every AWS call of every function, refused in every way that AWS refuses.

A route answers with the envelope, whatever fails behind it. What no caller waits for may fail:
Lambda starts it again, and then it must get through. `make chaos` has the life of a render under
faults; here each call has its turn.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from craftkit.auth import connections
from craftkit.hooks import service as hooks
from testkit.cloud import Cloud
from testkit.events import EVENTS, event
from testkit.project import DATA, make_project
from testkit.template import template
from testkit.typesetter import FakeTypesetter

FUNCTIONS = template().functions
ROUTES = {
    name
    for name, properties in FUNCTIONS.items()
    for source in properties.get("Events", {}).values()
    if source["Type"] == "Api"
}
# The gateway asks the authorizer, and has an answer of its own for its failure.
# moto has no function to invoke; what these do without one is answered all the same.
ASKS_ANOTHER = {"ReportExposedKeysFunction"}
ASKED = sorted(set(FUNCTIONS) - {"CheckDeploymentFunction"})


def refusal(code: str, status: int) -> Callable[[str], Exception]:
    def make(operation: str) -> Exception:
        error = {"Code": code, "Message": "a fault of this test"}
        return ClientError(
            {"Error": error, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
            operation,
        )

    return make


FAULTS: dict[str, Callable[[str], Exception]] = {
    "throttled": refusal("ThrottlingException", 400),
    "5xx": refusal("InternalServerError", 500),
    "slow": lambda _operation: ReadTimeoutError(endpoint_url="https://aws"),
    "away": lambda _operation: EndpointConnectionError(endpoint_url="https://aws"),
}


class Calls:
    """The AWS calls of one invocation, by number. `fail` names one and how it fails."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.longest_wait_seconds = 0.0
        self._fails_at: int | None = None
        self._fault: Callable[[str], Exception] = FAULTS["5xx"]

    @contextmanager
    def watched(self, fails_at: int | None = None, fault: str = "5xx") -> Iterator[None]:
        self.made, self._fails_at, self._fault = [], fails_at, FAULTS[fault]
        make: Any = vars(BaseClient)["_make_api_call"]
        inside = [False]

        def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
            if inside[0]:
                return make(client, operation, parameters)
            config = client.meta.config
            wait = config.connect_timeout + config.read_timeout
            self.longest_wait_seconds = max(self.longest_wait_seconds, wait)
            self._count(operation, self._fault)
            return make(client, operation, parameters)

        post = connections.post

        def signed(*asked: Any, **how: Any) -> Any:
            self._count("signed", lambda _: TimeoutError("slow"))
            inside[0] = True
            try:
                return post(*asked, **how)
            finally:
                inside[0] = False

        with (
            patch.object(BaseClient, "_make_api_call", call),
            patch("craftkit.auth.connections.post", signed),
        ):
            yield

    def _count(self, operation: str, fault: Callable[[str], Exception]) -> None:
        self.made.append(operation)
        if self._fails_at == len(self.made) - 1:
            raise fault(operation)


@pytest.fixture
def asked(cloud: Cloud) -> Callable[[str], Any]:
    """The event of a function, with ids of existing resources."""
    project = make_project("live")
    made = hooks.create_hook(
        project.id, "invoice", project.key.key.id, requires_signature=False, by="tester"
    )
    body = {"data": DATA}
    rendered = cloud.invoke(
        "create_render", event("create_render", body=body, principal=project.principal)
    )
    path = {"id": json.loads(rendered["body"])["id"], "slug": "invoice", "token": made.token}
    vars(cloud.module("render_document"))["typeset"] = FakeTypesetter()
    # GitHub's public keys would be fetched from the network; this cache of them is empty.
    vars(cloud.module("revoke_exposed_keys"))["keys"] = {}

    def of(function: str) -> Any:
        folder = FUNCTIONS[function]["CodeUri"].removeprefix("functions/")
        loaded = json.loads((EVENTS / f"{folder}.json").read_text(encoding="utf-8"))
        if folder == "authorize":
            return event(folder, headers={"Authorization": f"Bearer {project.key.cleartext}"})
        if folder == "render_document":
            return {"projectId": project.id, "renderId": path["id"]}
        if "requestContext" not in loaded or "resource" not in loaded:
            return loaded
        known = {name: path[name] for name in loaded.get("pathParameters") or {} if name in path}
        changes: dict[str, Any] = {"path": known} if known else {}
        if folder in ("create_render", "receive_hook"):
            changes["body"] = body if folder == "create_render" else DATA
        return event(folder, principal=project.principal, **changes)

    return of


@pytest.mark.parametrize("function", ASKED)
def test_every_function_survives_a_fault_of_each_aws_call(
    cloud: Cloud, asked: Callable[[str], Any], function: str
) -> None:
    folder = FUNCTIONS[function]["CodeUri"].removeprefix("functions/")
    calls = Calls()

    def invoke() -> Any:
        return cloud.invoke(folder, asked(function), function=function)

    with calls.watched():
        invoke()
    count = len(calls.made)
    # What waits longest for AWS is answered before Lambda itself would end the function.
    assert calls.longest_wait_seconds < FUNCTIONS[function]["Timeout"]
    for number in range(count):
        for fault in FAULTS:
            with calls.watched(number, fault):
                try:
                    answer = invoke()
                except Exception:
                    assert function not in ROUTES, (function, calls.made[number], fault)
                    continue
            if function in ROUTES:
                check(answer, (function, calls.made[number:], fault))
    with calls.watched():
        again = invoke()
    if function in ROUTES - ASKS_ANOTHER:
        assert again["statusCode"] < 500


def check(answer: Any, where: object) -> None:
    """The response is the envelope or a page, and does not contain the error's text."""
    assert answer["statusCode"] in range(200, 600), where
    assert "a fault of this test" not in answer["body"], where
    assert "Traceback" not in answer["body"], where
    if answer["statusCode"] >= 500 and "json" in content_type(answer):
        error = json.loads(answer["body"])["error"]
        assert error["code"] in {"internal", "queue_unavailable"}, where
        assert error["requestId"], where


def content_type(answer: Any) -> str:
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    return str(headers.get("content-type", ""))
