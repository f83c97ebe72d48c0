"""The request log in the dashboard: a project's requests and the filters."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from craftkit.auth.principal import Principal
from craftkit.auth.request_log import LoggedRequest
from craftkit.keys import service as keys
from craftkit.keys.models import NewKey
from testkit.clock import NOON, FrozenClock
from testkit.cloud import Cloud
from testkit.project import DemoProject, make_project
from testkit.visitor import Visitor, newer, older
from tests.functional.dashboard.users import ADA


@pytest.fixture
def ada(cloud: Cloud, demo: DemoProject, clock: FrozenClock) -> Visitor:
    return Visitor(cloud).signs_in(ADA)


@pytest.fixture
def log(cloud: Cloud) -> Any:
    """Put a request into the log."""
    from boto3.dynamodb.types import TypeDeserializer

    read: Any = TypeDeserializer().deserialize

    def put(principal: Principal, request_id: str, **changes: Any) -> None:
        row = LoggedRequest(
            request_id=request_id,
            at=NOON - timedelta(minutes=5),
            principal=principal,
            method="GET",
            route="/v1/renders",
            status=200,
            code=None,
            address="203.0.113.0/24",
            duration_ms=12,
            client="curl",
        )
        item = replace(row, **changes).as_item(1)
        cloud.table("RequestsTable").put_item(
            Item={name: read(value) for name, value in item.items()}
        )

    return put


def path(demo: DemoProject, rest: str = "") -> str:
    return f"/dashboard/projects/{demo.id}/requests{rest}"


def test_list_requests__without_requests_explains_the_first_step(
    ada: Visitor, demo: DemoProject
) -> None:
    assert "No requests yet" in ada.get(path(demo)).words


def test_list_requests__a_refusal_shows_its_reason_and_what_to_do(
    ada: Visitor, demo: DemoProject, log: Any
) -> None:
    log(demo.principal, "r1", status=403, code="insufficient_scope", body="data: object of 3")
    words = ada.get(path(demo)).words
    assert "insufficient_scope" in words
    assert "data: object of 3" in words
    assert "Use a key that has it." in words
    assert "203.0.113.0/24" in words


def test_list_requests__filters_by_key_status_route_request_and_time(
    ada: Visitor, demo: DemoProject, log: Any
) -> None:
    other = keys.create_key(demo.id, NewKey(name="Other", mode="live"), by="tester").key.principal
    stranger = make_project().principal
    log(demo.principal, "r1")
    log(demo.principal, "r2", status=404, code="not_found", route="/v1/renders/{id}")
    log(other, "r3", at=NOON - timedelta(hours=2))
    log(stranger, "r4")

    def shown(query: str = "") -> set[str]:
        page = ada.get(path(demo, query))
        assert page.status == 200
        return set(re.findall(r'<code title="(r\d)">', page.text))

    assert shown() == {"r1", "r2", "r3"}
    assert shown("?key=other") == {"r3"}
    assert shown(f"?key={demo.key.key.id}") == {"r1", "r2"}
    assert shown("?status=4xx") == {"r2"}
    assert shown("?route=/v1/renders/{id}") == {"r2"}
    assert shown("?q=r1") == {"r1"}
    assert shown("?since=2026-03-14T11:00") == {"r1", "r2"}
    assert shown("?until=2026-03-14T11:00") == {"r3"}
    assert shown("?status=5xx") == set()
    assert "No such API key" in ada.get(path(demo, "?key=nobody")).words
    assert "No such API key" in ada.get(path(demo, f"?key={stranger.key_id}")).words
    assert "not valid" in ada.get(path(demo, "?since=yesterday")).words


def test_list_requests__pages_through_several_keys_in_order_of_time(
    ada: Visitor, demo: DemoProject, log: Any
) -> None:
    other = keys.create_key(demo.id, NewKey(name="Other", mode="live"), by="tester").key.principal
    first = datetime(2026, 3, 14, 8, tzinfo=UTC)
    for number in range(120):
        log((demo.principal, other)[number % 2], f"r{number}", at=first + timedelta(seconds=number))
    seen: list[str] = []
    address = path(demo)
    while address:
        page = ada.get(address)
        seen += re.findall(r'<code title="(r\d+)">', page.text)
        assert bool(newer(page)) == (address != path(demo))
        address = older(page)
    assert seen == [f"r{number}" for number in reversed(range(120))]
    back = ada.get(newer(page))
    assert re.findall(r'<code title="(r\d+)">', back.text) == seen[-45:-20]


def test_list_requests__non_members_get_404(cloud: Cloud, demo: DemoProject, bob: Visitor) -> None:
    assert bob.get(path(demo)).status == 404
