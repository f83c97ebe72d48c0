"""Watching keys: unusual use is reported once, usual use is not reported."""

import random
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer

from craftkit.auth.activity import Activity
from craftkit.auth.lookup import KeyRecord
from craftkit.auth.request_log import LoggedRequest
from craftkit.errors import UndoRefusedError
from craftkit.keys import service as keys
from craftkit.projects import service as projects
from testkit.clock import FrozenClock
from testkit.cloud import Cloud
from testkit.project import DemoProject, make_project
from testkit.wire import DynamoDBWire

OFFICE = ("203.0.113.0/24", "198.51.100.0/24", "2001:db8:1::/48")


class Watched:
    """A key, the authorizer's instance that counts its uses, and the function behind the stream."""

    def __init__(self, cloud: Cloud, clock: FrozenClock) -> None:
        self.cloud, self.clock = cloud, clock
        self.project: DemoProject = make_project("live")
        self.key = self.project.key.key
        self._record = KeyRecord(self.key.principal, self.key.prefix, None, None)

    def use(self, *, requests: int = 1, renders: int = 0, network: str = OFFICE[0]) -> None:
        """Requests of this minute, written as the authorizer writes them, and their stream."""
        address = str(ip_network(network)[7])
        activity = Activity()
        for number in range(max(requests, renders)):
            activity.note(self._record, self.clock(), is_render=number < renders, address=address)
        with self.cloud.as_function("AuthorizeFunction"):
            activity.flush(self.clock(), everything=True)
        day = f"{self.key.prefix}#{self.clock():%Y-%m-%d}"
        table = self.cloud.table("KeyActivityTable")
        item = table.get_item(Key={"key_id": self.key.id, "secret_day": day})["Item"]
        self._stream(item)

    def refuse(self, count: int) -> None:
        """Requests of the key that were refused with 403."""
        table = self.cloud.table("RequestsTable")
        for number in range(count):
            row = LoggedRequest(
                request_id=f"{self.clock():%d%H%M}-{number}",
                at=self.clock(),
                principal=self.key.principal,
                method="GET",
                route="/v1/renders",
                status=403,
                code="insufficient_scope",
                address=OFFICE[0],
                duration_ms=9,
                client="curl",
            ).as_item(1)
            item = {name: value.get("S") or int(value["N"]) for name, value in row.items()}
            table.put_item(Item=item)
            self._stream(item)

    def next_day(self, days: int = 1) -> None:
        self.clock.advance(days=days)

    def habit(self, days: int = 10) -> None:
        for _ in range(days):
            self.use(requests=20, renders=10)
            self.next_day()

    def events(self) -> list[dict[str, Any]]:
        entries = self.cloud.table("AuditTable").scan()["Items"]
        return [entry for entry in entries if entry["action"] == "key.anomalous"]

    def kinds(self) -> list[str]:
        return [str(each["details"]["kind"]) for each in self.events()]

    def _stream(self, item: dict[str, Any]) -> None:
        put: Any = TypeSerializer().serialize
        image = {name: put(value) for name, value in item.items()}
        record = {
            "eventName": "MODIFY",
            "eventSource": "aws:dynamodb",
            "dynamodb": {"SequenceNumber": "1", "NewImage": image},
        }
        assert self.cloud.invoke("watch_keys", {"Records": [record]}) == {"batchItemFailures": []}


@pytest.fixture
def watched(cloud: Cloud, clock: FrozenClock, wire: DynamoDBWire) -> Iterator[Watched]:
    yield Watched(cloud, clock)


def test_watch__thirty_days_of_usual_traffic_cause_no_alert(watched: Watched) -> None:
    chance = random.Random(15)
    for day in range(30):
        is_weekend = day % 7 >= 5
        # Every office is in use from the first days on; renders vary by the day.
        for network in OFFICE:
            if not is_weekend:
                renders = chance.randint(10, 30)
                watched.use(requests=renders + 10, renders=renders, network=network)
        watched.refuse(chance.randint(0, 3))
        watched.next_day()
    assert watched.events() == []


def test_watch__a_new_network_causes_one_alert(watched: Watched) -> None:
    watched.habit()
    watched.use(network=OFFICE[0])
    for _ in range(3):
        watched.use(network="192.0.2.0/24")
    [event] = watched.events()
    assert event["details"]["kind"] == "new_network"
    assert event["details"]["networks"] == "192.0.2.0/24"
    assert event["target"] == watched.key.id
    watched.next_day()
    watched.use(network="192.0.2.0/24")
    assert len(watched.events()) == 1


def test_watch__a_dormant_key_that_is_used_again_causes_one_alert(watched: Watched) -> None:
    watched.habit(3)
    watched.next_day(29)
    for _ in range(3):
        watched.use()
    assert watched.kinds() == ["dormant_key_used"]
    assert watched.events()[0]["details"]["unusedDays"] == "30"


def test_watch__a_burst_of_refusals_causes_one_alert(watched: Watched) -> None:
    watched.refuse(19)
    assert watched.events() == []
    watched.clock.advance(minutes=1)
    watched.refuse(30)
    assert watched.kinds() == ["many_refusals"]


def test_watch__usage_far_above_every_earlier_day_causes_one_alert(watched: Watched) -> None:
    watched.habit()
    watched.use(requests=99, renders=99)
    assert watched.events() == []
    watched.use(requests=60, renders=60)
    watched.use(requests=60, renders=60)
    assert watched.kinds() == ["high_spend"]


def test_watch__a_new_key_causes_no_alert(watched: Watched) -> None:
    for network in (*OFFICE, "192.0.2.0/24"):
        watched.use(requests=500, renders=500, network=network)
        watched.next_day()
    assert watched.events() == []


@pytest.mark.parametrize(
    ("policy", "status", "answer"),
    [
        ("alert", "active", "none"),
        ("suspend", "revoked", "suspended"),
        ("revoke", "revoked", "revoked"),
    ],
)
def test_watch__the_projects_policy_decides_whether_the_key_is_revoked(
    watched: Watched, policy: Any, status: str, answer: str
) -> None:
    projects.set_anomaly_policy(watched.project.id, policy, by="tester")
    watched.habit()
    watched.use(network="192.0.2.0/24")
    assert keys.get_key(watched.key.id).status(watched.clock()) == status
    [event] = watched.events()
    assert event["details"]["answer"] == answer
    watched.clock.advance(days=20)
    if policy == "suspend":  # can be undone at any time
        assert keys.undo_revocation(watched.key.id, by="tester").status(watched.clock()) == "active"
    if policy == "revoke":
        with pytest.raises(UndoRefusedError):
            keys.undo_revocation(watched.key.id, by="tester")


def test_watch__a_suspended_key_that_works_again_can_be_revoked_as_any_other(
    watched: Watched,
) -> None:
    projects.set_anomaly_policy(watched.project.id, "suspend", by="tester")
    watched.habit()
    watched.use(network="192.0.2.0/24")
    keys.undo_revocation(watched.key.id, by="tester")
    keys.revoke_key(watched.key.id, by="tester")
    watched.clock.advance(minutes=61)
    with pytest.raises(UndoRefusedError):
        keys.undo_revocation(watched.key.id, by="tester")


def test_watch__the_days_networks_are_bounded(watched: Watched) -> None:
    for number in range(60):
        watched.use(network=f"192.0.{number}.0/24")
    activity = Activity()
    record = KeyRecord(watched.key.principal, watched.key.prefix, None, None)
    for number in range(200):
        activity.note(record, watched.clock() + timedelta(0), address=f"10.{number}.0.7")
    assert len(next(iter(activity._counted.values())).networks) <= 50
