"""Usage: each render is counted once; GET /v1/usage."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from craftkit.ids import new_id
from craftkit.keys import service as keys
from craftkit.keys.models import NewKey
from craftkit.typesetter import SourceError
from craftkit.usage import metering, repository, service
from craftkit.usage.models import Metered, UsageQuery
from testkit.clock import NOON, FrozenClock
from testkit.cloud import Cloud
from testkit.project import DATA, DemoProject, make_project
from testkit.streams import Stream
from testkit.typesetter import FakeTypesetter
from typesetting.worker import render_document


class Meter:
    """Finished renders, and the function that counts them."""

    def __init__(self, cloud: Cloud, call: Any) -> None:
        self._cloud, self._call = cloud, call
        self.stream = Stream(cloud, "MeterUsageSource")

    def render(self, project: DemoProject, failure: Any = None) -> str:
        id_ = str(self._call("create_render", project, body={"data": DATA}).body["id"])
        typesetter = FakeTypesetter()
        typesetter.failure = failure
        render_document(project.id, id_, typeset=typesetter)
        return id_

    def count(self, times: int = 1) -> Any:
        records = self.stream.event()["Records"]
        return self._cloud.invoke("meter_usage", {"Records": records * times})

    def invoke(self, records: Any) -> Any:
        return self._cloud.invoke("meter_usage", {"Records": records})

    def usage(self, project: DemoProject, **query: str) -> Any:
        return self._call("get_usage", project, query=query)


@pytest.fixture
def meter(cloud: Cloud, clock: FrozenClock, call: Any) -> Meter:
    return Meter(cloud, call)


@pytest.fixture
def live(meter: Meter) -> DemoProject:
    return make_project("live")


def test_meter__a_succeeded_render_counts_for_its_day_mode_and_key(
    meter: Meter, live: DemoProject
) -> None:
    meter.render(live)
    meter.count()
    answer = meter.usage(live)
    row = {"day": "2026-03-14", "mode": "live", "keyId": live.key.key.id, "renders": 1, "pages": 1}
    assert (answer.status, answer.body["usage"]) == (200, [row])
    assert (answer.body["from"], answer.body["to"]) == ("2026-02-13", "2026-03-14")


def test_meter__a_record_twice_counts_once(meter: Meter, live: DemoProject) -> None:
    meter.render(live)
    meter.count(times=3)
    [row] = meter.usage(live).body["usage"]
    assert row["renders"] == 1


def test_meter__a_failed_render_does_not_count(meter: Meter, live: DemoProject) -> None:
    meter.render(live, SourceError("no"))
    assert meter.count() == {"batchItemFailures": []}
    assert meter.usage(live).body["usage"] == []


def test_meter__test_renders_are_counted_apart(meter: Meter, project: DemoProject) -> None:
    meter.render(project)
    meter.count()
    [row] = meter.usage(project).body["usage"]
    assert row["mode"] == "test"


def test_meter__only_finished_renders_reach_the_function(
    meter: Meter, live: DemoProject, call: Any
) -> None:
    call("create_render", live, body={"data": DATA})
    assert meter.stream.event() == {"Records": []}


def test_meter__the_day_is_the_completion_day_in_utc(
    meter: Meter, clock: FrozenClock, live: DemoProject
) -> None:
    clock.now = NOON.replace(hour=23, minute=59, second=59)
    meter.render(live)
    clock.advance(seconds=1)
    meter.render(live)
    clock.advance(days=3)
    meter.count()
    days = [row["day"] for row in meter.usage(live).body["usage"]]
    assert days == ["2026-03-14", "2026-03-15"]


def test_meter__counts_the_sample_event(cloud: Cloud, event: Any) -> None:
    sent = event("meter_usage")
    assert cloud.invoke("meter_usage", sent) == {"batchItemFailures": []}
    image = sent["Records"][0]["dynamodb"]["NewImage"]
    [row] = service.list_counters(
        image["project_id"]["S"], UsageQuery.model_validate({"from": "2026-03-14"})
    )
    assert (row.renders, row.template_slug) == (1, "invoice")


def test_usage__has_sums_and_values_by_template(
    meter: Meter, live: DemoProject, clock: FrozenClock
) -> None:
    for slug in ("invoice", "quote"):
        metered = Metered(live.id, new_id(), clock.now, "live", live.key.key.id, slug, 2)
        assert service.count_renders([metered]) == 1
        assert service.count_renders([metered]) == 0
    [row] = meter.usage(live).body["usage"]
    assert (row["renders"], row["pages"]) == (2, 4)
    counters = service.list_counters(live.id, UsageQuery())
    assert [counter.template_slug for counter in counters] == ["invoice", "quote"]


def test_usage__includes_both_days_of_the_range(
    meter: Meter, live: DemoProject, clock: FrozenClock
) -> None:
    for _ in range(4):
        meter.render(live)
        clock.advance(days=1)
    meter.count()
    answer = meter.usage(live, **{"from": "2026-03-15", "to": "2026-03-16"})
    assert [row["day"] for row in answer.body["usage"]] == ["2026-03-15", "2026-03-16"]


def test_usage__of_another_project_is_not_shown(meter: Meter, live: DemoProject) -> None:
    meter.render(live)
    meter.count()
    assert meter.usage(make_project(name="Other")).body["usage"] == []


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2026-03-14", "to": "2026-03-13"},
        {"from": "2024-01-01", "to": "2026-03-13"},
        {"from": "yesterday"},
        {"to": "0"},
        {"from": "2026-02-30"},
        {"since": "2026-03-14"},
    ],
)
def test_usage__a_bad_range_is_400(
    meter: Meter, project: DemoProject, query: dict[str, str]
) -> None:
    answer = meter.usage(project, **query)
    assert (answer.status, answer.code) == (400, "invalid_request")


def test_usage__needs_renders_read(meter: Meter) -> None:
    answer = meter.usage(make_project(scopes=("renders:write",)))
    assert (answer.status, answer.code) == (403, "insufficient_scope")


def test_usage__a_marker_is_kept_longer_than_its_render(
    meter: Meter, live: DemoProject, cloud: Cloud
) -> None:
    meter.render(live)
    meter.count()
    rows = cloud.table("UsageTable").scan()["Items"]
    [marker] = [row for row in rows if row["project_id"].startswith("counted#")]
    [render] = cloud.table("RendersTable").scan()["Items"]
    assert marker["expires_at"] - render["expires_at"] >= timedelta(days=2).total_seconds()
    assert not any("expires_at" in row for row in rows if row is not marker)


def test_reconcile__counts_and_delivers_missed_records_once(
    meter: Meter, live: DemoProject, clock: FrozenClock
) -> None:
    meter.render(live)
    until = clock.advance(days=1000)  # ids carry the time of the machine
    assert metering.reconcile(live.id, NOON, until) == 1
    assert metering.reconcile(live.id, NOON, until) == 0
    [row] = meter.usage(live, **{"from": "2026-03-14", "to": "2026-03-14"}).body["usage"]
    assert row["renders"] == 1


def test_usage__shows_the_keys_own_mode_alone(meter: Meter, live: DemoProject) -> None:
    test_key = keys.create_key(live.id, NewKey(name="Test", mode="test"), by="tester")
    test = replace(live, key=test_key)
    for caller in (live, test):
        meter.render(caller)
    meter.count()
    assert [row["mode"] for row in meter.usage(live).body["usage"]] == ["live"]
    assert [row["mode"] for row in meter.usage(test).body["usage"]] == ["test"]


def test_usage__a_key_limited_to_templates_sees_only_their_usage(
    meter: Meter, live: DemoProject, clock: FrozenClock
) -> None:
    for slug, pages in (("invoice", 2), ("letter", 3)):
        metered = Metered(live.id, new_id(), clock.now, "live", live.key.key.id, slug, pages)
        assert service.count_renders([metered]) == 1
    wanted = NewKey(name="Letters", mode="live", templates=("letter",))
    confined = replace(live, key=keys.create_key(live.id, wanted, by="tester"))
    [row] = meter.usage(confined).body["usage"]
    assert (row["renders"], row["pages"]) == (1, 3)
    assert meter.usage(live).body["usage"][0]["pages"] == 5


def test_meter__a_batch_of_renders_of_one_counter_is_one_transaction(
    meter: Meter, live: DemoProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        meter.render(live)
    sent: list[int] = []
    transact = repository.dynamodb.transact

    def noting(writes: Any, **how: Any) -> None:
        sent.append(len(writes))
        transact(writes, **how)

    monkeypatch.setattr(repository.dynamodb, "transact", noting)
    meter.count()
    assert sent == [2]
    [row] = meter.usage(live).body["usage"]
    assert (row["renders"], row["pages"]) == (5, 5)


def test_meter__a_failed_counter_is_retried_and_does_not_stop_the_others(
    meter: Meter, live: DemoProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_project("live", name="Other")
    for project in (live, other, live):
        meter.render(project)
    records = meter.stream.event()["Records"]
    count = service.count_renders

    def failing(renders: Any, **how: Any) -> int:
        if renders[0].project_id == live.id:
            raise ClientError({"Error": {"Code": "InternalServerError"}}, "TransactWriteItems")
        return count(renders, **how)

    with monkeypatch.context() as broken:
        broken.setattr(service, "count_renders", failing)
        answer = meter.invoke(records)
    numbers = [records[index]["dynamodb"]["SequenceNumber"] for index in (0, 2)]
    assert answer == {"batchItemFailures": [{"itemIdentifier": each} for each in numbers]}
    assert meter.usage(other).body["usage"][0]["renders"] == 1
    assert meter.invoke(records) == {"batchItemFailures": []}
    assert meter.usage(live).body["usage"][0]["renders"] == 2
    assert meter.usage(other).body["usage"][0]["renders"] == 1
