"""The request log: the rows of requests, and their list."""

import json
import uuid
from dataclasses import replace
from typing import Any

import pytest

from craftkit import http
from craftkit.auth.body_shape import KNOWN_FIELDS, shape_of_body
from craftkit.auth.principal import Principal
from craftkit.auth.request_log import RequestLog, client_of
from craftkit.clock import utc_now
from craftkit.keys import service as keys
from craftkit.keys.models import NewKey
from craftkit.openapi import describe
from testkit.clock import FrozenClock
from testkit.cloud import Cloud
from testkit.project import DATA, DemoProject, make_project
from testkit.wire import DynamoDBWire

SCOPES = ("renders:read", "renders:write", "requests:read")


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch, wire: DynamoDBWire) -> RequestLog:
    fresh = RequestLog()
    monkeypatch.setattr(http, "request_log", fresh)
    return fresh


@pytest.fixture
def project(cloud: Cloud) -> DemoProject:
    return make_project("live", scopes=SCOPES)


@pytest.fixture
def do(cloud: Cloud, event: Any, log: RequestLog) -> Any:
    """One request that is logged as it is on AWS; `minute` is when it was made."""

    def call(route: str, principal: Principal, *, minute: int = 0, **how: Any) -> Any:
        sent = event(route, principal=principal, **how)
        sent["requestContext"]["requestId"] = f"{route}-{minute}"
        sent["requestContext"]["requestTimeEpoch"] = 1773489600000 + minute * 60_000
        answer = cloud.invoke(route, sent)
        with cloud.as_function("ListRendersFunction"):
            log.flush(utc_now())
        return answer

    return call


@pytest.fixture
def listed(cloud: Cloud, event: Any) -> Any:
    def call(principal: Principal, **query: str) -> Any:
        answer = cloud.invoke(
            "list_requests", event("list_requests", principal=principal, query=query)
        )
        return json.loads(answer["body"])

    return call


def test_list_requests__a_request_has_exactly_these_fields(
    do: Any, listed: Any, project: DemoProject, clock: FrozenClock
) -> None:
    clock.advance(seconds=2)
    do("list_renders", project.principal)
    assert listed(project.principal) == {
        "requests": [
            {
                "requestId": "list_renders-0",
                "at": "2026-03-14T12:00:00Z",
                "method": "GET",
                "route": "/v1/renders",
                "status": 200,
                "code": None,
                "keyId": project.key.key.id,
                "address": "203.0.113.0/24",
                "durationMs": 2000,
                "client": "curl",
                "fix": None,
            }
        ],
        "nextCursor": None,
    }


@pytest.mark.usefixtures("clock")
def test_list_requests__a_refusal_has_its_reason_and_a_fix(
    do: Any, listed: Any, project: DemoProject
) -> None:
    do("get_render", project.principal, path={"id": "nope"})
    do(
        "create_render",
        replace(project.principal, scopes=frozenset()),
        path={"slug": "x"},
        minute=1,
    )
    do("list_renders", project.principal, query={"limit": "x"}, minute=2)
    found = [
        (each["status"], each["code"], each["fix"])
        for each in listed(project.principal)["requests"]
    ]
    assert found == [
        (400, "invalid_request", "`issues` names each field and what it must be."),
        (403, "insufficient_scope", "Use a key that has it."),
        (404, "not_found", "Check the id, and which project the key is of."),
    ]


@pytest.mark.usefixtures("clock")
def test_list_requests__contains_no_data_of_the_request(
    do: Any, cloud: Cloud, project: DemoProject
) -> None:
    secret = "5ecret-5ecret"
    headers = {
        "User-Agent": f"{secret}/1",
        "Idempotency-Key": secret,
        "Authorization": f"Bearer {project.key.cleartext}",
    }
    body = {"data": DATA | {secret: secret}, "jobId": secret, "metadata": {"a": secret}}
    do("create_render", project.principal, path={"slug": secret}, headers=headers, body=body)
    [row] = cloud.table("RequestsTable").scan()["Items"]
    assert secret not in str(row)
    assert row["body"] == f"data: object of {len(DATA) + 1}, jobId: text, metadata: object of 1"
    assert row["route"] == "/v1/templates/{slug}/render"
    assert row["client"] == "other"
    assert row["address"] == "203.0.113.0/24"


@pytest.mark.usefixtures("clock")
def test_list_requests__shows_no_request_of_another_key_mode_or_project(
    do: Any, listed: Any, project: DemoProject
) -> None:
    same_project = keys.create_key(
        project.id, NewKey(name="Test", mode="test", scopes=SCOPES), by="tester"
    ).key.principal
    other = make_project("live", scopes=SCOPES).principal
    for principal in (project.principal, same_project, other):
        do("list_renders", principal)
    for principal in (project.principal, same_project, other):
        assert [each["keyId"] for each in listed(principal)["requests"]] == [principal.key_id]


@pytest.mark.usefixtures("clock")
def test_list_requests__a_token_sees_only_its_own_requests(
    do: Any, listed: Any, project: DemoProject
) -> None:
    one = replace(project.principal, key_id="token-1", rule_id="rule")
    two = replace(project.principal, key_id="token-2", rule_id="rule")
    do("list_renders", one)
    do("list_renders", two, minute=1)
    assert [each["keyId"] for each in listed(one)["requests"]] == ["token-1"]
    assert [each["keyId"] for each in listed(two)["requests"]] == ["token-2"]


@pytest.mark.usefixtures("clock")
def test_list_requests__filters_by_status_route_request_and_time(
    do: Any, listed: Any, project: DemoProject
) -> None:
    do("list_renders", project.principal, minute=0)
    do("get_render", project.principal, path={"id": "nope"}, minute=1)
    do("get_usage", project.principal, minute=2)
    do("list_renders", project.principal, query={"limit": "x"}, minute=3)

    def ids(**query: str) -> list[str]:
        return [each["requestId"] for each in listed(project.principal, **query)["requests"]]

    everything = ["list_renders-3", "get_usage-2", "get_render-1", "list_renders-0"]
    assert ids() == everything
    assert ids(status="404") == ["get_render-1"]
    assert ids(status="4xx") == ["list_renders-3", "get_render-1"]
    assert ids(route="/v1/renders") == ["list_renders-3", "list_renders-0"]
    assert ids(requestId="get_usage-2") == ["get_usage-2"]
    between = {"from": "2026-03-14T12:01:00Z", "to": "2026-03-14T12:03:00Z"}
    assert ids(**between) == ["get_usage-2", "get_render-1"]
    assert ids(status="4xx", **between) == ["get_render-1"]
    assert ids(status="500") == []


@pytest.mark.usefixtures("clock")
def test_list_requests__pages_have_no_gap_and_no_duplicate(
    do: Any, listed: Any, project: DemoProject
) -> None:
    for minute in range(7):
        do("list_renders", project.principal, minute=minute)
    seen: list[str] = []
    query = {"limit": "3"}
    while True:
        page = listed(project.principal, **query)
        seen += [each["requestId"] for each in page["requests"]]
        if page["nextCursor"] is None:
            break
        query["cursor"] = page["nextCursor"]
    assert seen == [f"list_renders-{minute}" for minute in reversed(range(7))]
    other = make_project("live", scopes=SCOPES).principal
    assert listed(other, **query)["error"]["code"] == "invalid_cursor"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"status": "9xx"}, "status"),
        ({"status": "abc"}, "status"),
        ({"from": "0"}, "from"),
        ({"from": "2026-03-14", "to": "2026-03-13"}, ""),
        ({"keyId": "x"}, "keyId"),
        ({"limit": "101"}, "limit"),
    ],
)
def test_list_requests__an_invalid_parameter_is_400_and_named(
    listed: Any, project: DemoProject, query: dict[str, str], field: str
) -> None:
    error = listed(project.principal, **query)["error"]
    assert error["code"] == "invalid_request"
    assert not field or field in error["issues"]["fieldErrors"]


def test_list_requests__needs_its_scope(listed: Any) -> None:
    error = listed(make_project("live").principal)["error"]
    assert (error["code"], "requests:read" in error["message"]) == ("insufficient_scope", True)


def test_request_log__a_row_expires_after_the_days_of_the_stage(
    do: Any, listed: Any, cloud: Cloud, project: DemoProject, clock: FrozenClock
) -> None:
    do("list_renders", project.principal)
    [row] = cloud.table("RequestsTable").scan()["Items"]
    assert row["expires_at"] == 1773489600 + 86_400  # RequestLogDays of the local stage: 1
    clock.advance(days=1)
    assert listed(project.principal)["requests"] == []


def test_request_log__a_response_does_not_wait_for_the_write_and_a_failed_write_is_retried(
    do: Any,
    listed: Any,
    cloud: Cloud,
    project: DemoProject,
    clock: FrozenClock,
    wire: DynamoDBWire,
    log: RequestLog,
) -> None:
    wire.failure = ConnectionResetError()
    assert do("list_renders", project.principal)["statusCode"] == 200
    assert listed(project.principal)["requests"] == []
    wire.failure = None
    assert 0 < (log.due_in(clock()) or 0) <= 5
    clock.advance(seconds=5)
    assert log.due_in(clock()) == 0
    with cloud.as_function("ListRendersFunction"):
        log.flush(clock())
    assert "list_renders-0" in [each["requestId"] for each in listed(project.principal)["requests"]]


@pytest.fixture
def authorize(cloud: Cloud, event: Any) -> Any:
    """The authorizer's response to a key, followed by its deferred writes."""

    def call(key: str) -> Any:
        sent = event("authorize", headers={"authorization": f"Bearer {key}"})
        sent["requestContext"]["requestId"] = str(uuid.uuid4())
        policy = cloud.invoke("authorize", sent)
        with cloud.as_function("AuthorizeFunction"):
            cloud.module("authorize").refused.flush(utc_now())
        return policy

    return call


def copied(cloud: Cloud) -> None:
    """Invoke the function of the activity table's stream with the refused requests."""
    from boto3.dynamodb.types import TypeSerializer

    put: Any = TypeSerializer().serialize
    records = [
        {
            "eventName": "INSERT",
            "eventSource": "aws:dynamodb",
            "dynamodb": {
                "SequenceNumber": str(number),
                "NewImage": {name: put(value) for name, value in item.items()},
            },
        }
        for number, item in enumerate(cloud.table("KeyActivityTable").scan()["Items"])
        if "refused_at" in item
    ]
    assert cloud.invoke("watch_keys", {"Records": records}) == {"batchItemFailures": []}


@pytest.mark.usefixtures("clock")
def test_request_log__a_request_of_a_revoked_key_is_stored_with_the_reason(
    authorize: Any, listed: Any, cloud: Cloud, project: DemoProject
) -> None:
    keys.revoke_key(project.key.key.id, by="tester")
    authorize(project.key.cleartext)
    copied(cloud)
    copied(cloud)
    [request] = listed(project.principal)["requests"]
    assert (request["status"], request["code"]) == (401, "invalid_credentials")
    assert request["fix"].startswith("This key was revoked.")
    assert request["keyId"] == project.key.key.id


def test_request_log__at_most_twenty_refused_requests_a_minute_are_stored(
    authorize: Any, listed: Any, cloud: Cloud, project: DemoProject, clock: FrozenClock
) -> None:
    keys.revoke_key(project.key.key.id, by="tester")
    for _ in range(50):
        authorize(project.key.cleartext)
    items = cloud.table("KeyActivityTable").scan()["Items"]
    assert len([item for item in items if "refused_at" in item]) <= 20
    clock.advance(minutes=1)
    authorize(project.key.cleartext)
    assert len(cloud.table("KeyActivityTable").scan()["Items"]) > len(items)


@pytest.mark.parametrize("key", ["nope", "ck_live_" + "0" * 38])
def test_request_log__an_unknown_key_is_counted_and_not_stored(
    authorize: Any, cloud: Cloud, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    authorize(key)
    assert '"KeyVerified":1' in capsys.readouterr().err
    assert cloud.table("KeyActivityTable").scan()["Items"] == []
    assert cloud.table("RequestsTable").scan()["Items"] == []


@pytest.mark.parametrize(
    ("agent", "client"),
    [
        ("curl/8.5.0", "curl"),
        ("python-requests/2.32.3", "python-requests"),
        ("Mozilla/5.0 (X11; Linux x86_64)", "browser"),
        ("axios/1.7", "node-axios"),
        ("ck_live_abcdef", "other"),
        ("", None),
    ],
)
def test_client_of__is_a_name_of_a_fixed_list(agent: str, client: str | None) -> None:
    assert client_of(agent) == client


def test_request_log__a_refused_body_has_its_shape_without_the_callers_names(
    do: Any, cloud: Cloud, project: DemoProject
) -> None:
    body = {"data": [1, 2], "5ecret": 1, "jobid": "x", "options": None}
    answer = do("create_render", project.principal, path={"slug": "invoice"}, body=body)
    assert answer["statusCode"] == 400
    [row] = cloud.table("RequestsTable").scan()["Items"]
    assert row["body"] == "data: list of 2, options: null, 2 unknown fields"


def test_request_log__a_body_that_is_no_json_has_no_shape(
    do: Any, cloud: Cloud, project: DemoProject
) -> None:
    do("create_render", project.principal, path={"slug": "invoice"}, body="{")
    [row] = cloud.table("RequestsTable").scan()["Items"]
    assert (row["code"], "body" in row) == ("invalid_json", False)


def test_shape_of_body__is_short_and_of_the_apis_own_names_alone() -> None:
    assert shape_of_body({}) == "empty object"
    assert shape_of_body({"data": 1.5, "publish": True}) == "data: number, publish: boolean"
    every: dict[str, Any] = {name: [] for name in KNOWN_FIELDS}
    assert len(shape_of_body(every)) == 400
    assert shape_of_body(dict.fromkeys("abc", "x")) == "3 unknown fields"


def test_shape_of_body__knows_the_fields_of_every_json_body() -> None:
    document = describe("https://api.example.com")

    def fields(schema: Any) -> set[str]:
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        found = set(schema.get("properties", {}))
        for kind in ("anyOf", "oneOf", "allOf"):
            found = found.union(*map(fields, schema.get(kind, [])))
        return found

    bodies = [
        content["application/json"]["schema"]
        for methods in document["paths"].values()
        for operation in methods.values()
        if isinstance(operation, dict)
        and "application/json" in (content := operation.get("requestBody", {}).get("content", {}))
    ]
    assert set().union(*map(fields, bodies)) <= KNOWN_FIELDS
