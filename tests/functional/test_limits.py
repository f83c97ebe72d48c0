"""Budgets and rates, also with many concurrent calls."""

import json
import threading
from collections import Counter, OrderedDict
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import EndpointConnectionError
from moto.dynamodb.models import DynamoDBBackend

from craftkit.auth.principal import Principal
from craftkit.config import forget as forget_config
from craftkit.errors import (
    ConflictError,
    QueueUnavailableError,
    QuotaExceededError,
    RateLimitedError,
    TooManyRequestsError,
)
from craftkit.keys import limiting
from craftkit.keys import service as keys
from craftkit.keys.models import NewKey
from craftkit.limits import rates
from craftkit.limits import service as limits
from craftkit.limits.models import LimitsChange, Rate
from craftkit.rate_limits import LimitState, collect
from craftkit.renders import service as renders
from craftkit.typesetter import SourceError
from craftkit.webhooks.audit_events import event_of
from testkit.clock import FrozenClock
from testkit.cloud import Cloud
from testkit.events import event as load_event
from testkit.project import DATA, DemoProject, make_project
from testkit.typesetter import FakeTypesetter
from typesetting.worker import render_document

BODY = {"data": DATA}
BY = "tester"


@pytest.fixture
def atomic_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes conditional writes atomic, as in DynamoDB; moto is not atomic with threads."""
    lock = threading.RLock()

    def one_at_a_time(write: Any) -> Any:
        def locked(*args: Any, **how: Any) -> Any:
            with lock:
                return write(*args, **how)

        return locked

    for name in ("update_item", "transact_write_items"):
        write = getattr(DynamoDBBackend, name)
        monkeypatch.setattr(DynamoDBBackend, name, one_at_a_time(write))


def principal_of(key_id: str) -> Principal:
    key = keys.get_key(key_id)
    return Principal(
        key.project_id,
        key.id,
        key.mode,
        frozenset(key.scopes),
        frozenset(key.templates),
        frozenset(key.limited),
    )


def limit_key(project: DemoProject, **change: Any) -> Principal:
    limiting.limit_key(project.key.key.id, LimitsChange(**change), by=BY)
    return principal_of(project.key.key.id)


def limit_project(project: DemoProject, **change: Any) -> Principal:
    limiting.limit_project(project.id, LimitsChange(**change), by=BY)
    return principal_of(project.key.key.id)


def outcome_of(principal: Principal, *, renders: int = 1) -> str:
    try:
        limits.charge(principal, renders=renders)
    except TooManyRequestsError as error:
        return error.code
    return "passed"


@pytest.fixture
def create(cloud: Cloud, project: DemoProject) -> Any:
    """`create_render` by the project's key, as the authorizer would now describe it."""

    def call(**how: Any) -> Any:
        principal = principal_of(project.key.key.id)
        sent = load_event("create_render", principal=principal, body=BODY, **how)
        return cloud.invoke("create_render", sent)

    return call


def used(project: DemoProject, of: str = "key") -> int:
    state = limits.limits_of(of, project.key.key.id if of == "key" else project.id)
    assert state
    return state.renders_today


@pytest.mark.usefixtures("atomic_writes")
@pytest.mark.parametrize("of", ["key", "project"])
def test_charge__a_budget_of_100_accepts_exactly_100_of_400_requests(
    project: DemoProject, of: str
) -> None:
    limit = limit_key if of == "key" else limit_project
    principal = limit(project, renders_per_day=100)
    with ThreadPoolExecutor(20) as pool:
        found = Counter(pool.map(outcome_of, [principal] * 400))
    assert found == {"passed": 100, "quota_exceeded": 300}


@pytest.mark.usefixtures("atomic_writes")
def test_charge__two_keys_share_their_projects_budget_exactly(project: DemoProject) -> None:
    other = keys.create_key(project.id, NewKey(name="Other", mode="test"), by=BY)
    first = limit_project(project, renders_per_day=10)
    second = principal_of(other.key.id)
    with ThreadPoolExecutor(8) as pool:
        found = Counter(pool.map(outcome_of, [first, second] * 20))
    assert found["passed"] == 10


def test_charge__a_burst_is_accepted_and_then_the_rate(
    clock: FrozenClock, project: DemoProject
) -> None:
    principal = limit_key(project, rate=Rate(calls=2, seconds=1, burst=5))
    assert [outcome_of(principal) for _ in range(6)] == 5 * ["passed"] + ["rate_limited"]
    clock.advance(seconds=0.5)
    assert [outcome_of(principal) for _ in range(2)] == ["passed", "rate_limited"]
    clock.advance(minutes=5)
    assert [outcome_of(principal) for _ in range(6)].count("passed") == 5


@pytest.mark.usefixtures("atomic_writes")
def test_charge__a_rate_is_exact_under_concurrent_requests(
    clock: FrozenClock, project: DemoProject
) -> None:
    principal = limit_key(project, rate=Rate(calls=1, seconds=60, burst=7))
    with ThreadPoolExecutor(12) as pool:
        found = Counter(pool.map(lambda _: outcome_of(principal), range(60)))
    assert found == {"passed": 7, "rate_limited": 53}


def test_charge__budgets_start_again_with_each_day_and_month(
    clock: FrozenClock, project: DemoProject
) -> None:
    principal = limit_key(project, renders_per_day=2, renders_per_month=3)
    assert [outcome_of(principal) for _ in range(3)][-1] == "quota_exceeded"
    clock.advance(days=1)
    assert [outcome_of(principal) for _ in range(2)] == ["passed", "quota_exceeded"]
    clock.advance(days=20)
    assert [outcome_of(principal) for _ in range(3)] == [
        "passed",
        "passed",
        "quota_exceeded",
    ]


def test_charge__an_instance_with_a_slow_clock_charges_the_current_day(
    clock: FrozenClock, project: DemoProject
) -> None:
    principal = limit_key(project, renders_per_day=3)
    behind, ahead = clock.now, clock.now + timedelta(hours=12)
    outcomes = []
    for now in (ahead, behind) * 3:
        clock.now = now
        outcomes.append(outcome_of(principal))
    assert outcomes.count("passed") == 3


def test_charge__a_clock_set_back_does_not_block_requests(
    clock: FrozenClock, project: DemoProject
) -> None:
    principal = limit_key(project, rate=Rate(calls=1, seconds=1, burst=1))
    assert outcome_of(principal) == "passed"
    clock.advance(hours=-6)
    assert outcome_of(principal) == "passed"
    assert outcome_of(principal) == "rate_limited"


def test_charge__a_call_without_a_render_is_charged_to_the_rate_only(
    clock: FrozenClock, project: DemoProject
) -> None:
    rate = Rate(calls=1, seconds=60, burst=1)
    principal = limit_key(project, renders_per_day=0, rate=rate)
    assert outcome_of(principal, renders=0) == "passed"
    with pytest.raises(RateLimitedError):
        limits.charge(principal, renders=0)
    with pytest.raises(QuotaExceededError):
        limits.charge(principal, renders=1)


def test_charge__a_refusal_by_the_project_does_not_charge_the_key(project: DemoProject) -> None:
    limit_key(project, renders_per_day=10)
    principal = limit_project(project, renders_per_day=1)
    assert [outcome_of(principal) for _ in range(3)].count("passed") == 1
    assert used(project) == 1


@pytest.mark.parametrize(("per_second", "writes"), [("500", 2), ("50", 20), ("5", 100), ("0", 0)])
def test_charge__a_key_without_limits_costs_a_write_for_a_tenth_of_a_second(
    clock: FrozenClock,
    project: DemoProject,
    monkeypatch: pytest.MonkeyPatch,
    per_second: str,
    writes: int,
) -> None:
    asked: list[str] = []
    call = BaseClient._make_api_call

    def counting(client: Any, operation: str, parameters: Any) -> Any:
        asked.append(operation)
        return call(client, operation, parameters)

    monkeypatch.setenv("PROJECT_WRITES_PER_SECOND", per_second)
    forget_config()
    monkeypatch.setattr(BaseClient, "_make_api_call", counting)
    for _ in range(100):
        limits.charge(project.principal, renders=1)
        clock.advance(seconds=0.2)
    assert asked == ["UpdateItem"] * writes


@pytest.mark.usefixtures("atomic_writes")
def test_charge__all_instances_together_stay_below_the_stages_rate(
    clock: FrozenClock, project: DemoProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """100 a second, 200 at once. A write takes 10 tokens, which serve its environment alone."""
    monkeypatch.setenv("PROJECT_WRITES_PER_SECOND", "100")
    forget_config()
    held = [OrderedDict[str, Any]() for _ in range(7)]
    passed = 0
    for number in range(700):
        monkeypatch.setattr(rates, "_leases", lambda at=number % 7: held[at])
        passed += outcome_of(project.principal) == "passed"
    assert passed == 200


@pytest.fixture
def slow_stage(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage that allows each project one write and one read request a second, two at once."""
    for kind in ("WRITES", "READS"):
        monkeypatch.setenv(f"PROJECT_{kind}_PER_SECOND", "1")
    forget_config()


@pytest.mark.usefixtures("slow_stage")
def test_charge__a_project_without_a_rate_uses_the_stages_rate(
    clock: FrozenClock, project: DemoProject
) -> None:
    found = [outcome_of(project.principal) for _ in range(3)]
    assert found == ["passed", "passed", "rate_limited"]
    clock.advance(seconds=1)
    assert outcome_of(project.principal) == "passed"


@pytest.mark.usefixtures("slow_stage")
def test_charge__a_refusal_by_the_stages_rate_costs_no_budget(
    clock: FrozenClock, project: DemoProject
) -> None:
    principal = limit_key(project, renders_per_day=10)
    assert [outcome_of(principal) for _ in range(5)].count("passed") == 2
    assert limits.limits_of("key", project.key.key.id).renders_today == 2  # type: ignore[union-attr]


@pytest.mark.usefixtures("slow_stage")
def test_charge__a_projects_own_rate_replaces_the_stages_rate(
    clock: FrozenClock, project: DemoProject
) -> None:
    limiting.limit_project(project.id, LimitsChange(rate=Rate(calls=5, burst=5)), by=BY)
    principal = principal_of(project.key.key.id)
    assert [outcome_of(principal) for _ in range(6)].count("passed") == 5


@pytest.mark.usefixtures("slow_stage")
@pytest.mark.parametrize("has_rate", [True, False])
def test_charge__a_delayed_call_uses_the_current_time(
    clock: FrozenClock, project: DemoProject, monkeypatch: pytest.MonkeyPatch, has_rate: bool
) -> None:
    """The instance was paused for 4 s before its write, while others made calls."""
    principal = project.principal
    if has_rate:
        principal = limit_project(project, rate=Rate(calls=1, seconds=1, burst=2))
    call = BaseClient._make_api_call
    paused: list[str] = []

    def pause_once(client: Any, operation: str, parameters: Any) -> Any:
        if not paused:
            paused.append(operation)
            clock.advance(seconds=4)
            limits.charge(principal, renders=1)
        return call(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", pause_once)
    assert outcome_of(principal) == "passed"


@pytest.mark.usefixtures("slow_stage")
def test_charge_read__each_project_has_its_own_rate(
    clock: FrozenClock, project: DemoProject
) -> None:
    other = make_project("test")
    for principal in (project.principal, other.principal):
        limits.charge_read(principal)
        limits.charge_read(principal)
        with pytest.raises(RateLimitedError) as refused:
            limits.charge_read(principal)
        assert refused.value.headers["Retry-After"] == "1"


def test_list_renders__returns_its_limits_in_headers(cloud: Cloud, project: DemoProject) -> None:
    sent = load_event("list_renders", principal=project.principal)
    headers = cloud.invoke("list_renders", sent)["headers"]
    assert headers["RateLimit-Policy"] == '"project-reads";q=1000;w=2'
    # One write has taken the tokens of a tenth of a second.
    assert headers["RateLimit"] == '"project-reads";r=950;t=1'


@pytest.mark.parametrize("own_rate", [True, False])
def test_charge__a_client_that_paces_itself_by_the_headers_is_never_refused(
    clock: FrozenClock, project: DemoProject, slow_stage: None, own_rate: bool
) -> None:
    if own_rate:
        rate = Rate(calls=7, seconds=1, burst=3)
        limiting.limit_project(project.id, LimitsChange(rate=rate), by=BY)
    principal = principal_of(project.key.key.id)

    def send() -> LimitState:
        with collect() as states:
            limits.charge(principal, renders=0)
        [state] = states.values()
        return state

    for _ in range(100):
        state = send()
        if state.remaining == 0:
            clock.advance(seconds=state.reset_seconds)
    while send().remaining:
        pass
    with pytest.raises(RateLimitedError):
        send()


def test_create_render__returns_budgets_and_rates_in_headers(
    create: Any, project: DemoProject
) -> None:
    limit_key(project, renders_per_day=5, rate=Rate(calls=1, seconds=60, burst=3))
    headers = create()["headers"]
    policy = '"key-writes";q=3;w=180, "key-renders-day";q=5;w=86400, "project-writes";q=1000;w=2'
    assert headers["RateLimit-Policy"] == policy
    assert headers["RateLimit"].startswith('"key-writes";r=2;t=60, "key-renders-day";r=4;t=')


def test_charge__cleared_limits_do_not_apply(project: DemoProject) -> None:
    limited = limit_key(project, renders_per_day=0)
    freed = limit_key(project, cleared=frozenset({"renders_per_day"}))
    assert freed.limited == frozenset()
    # A secret that was read a moment before still says that there are limits.
    assert outcome_of(limited) == "passed"
    assert limits.limits_of("key", project.key.key.id) is None


def test_limit_project__applies_to_existing_and_later_keys(project: DemoProject) -> None:
    for number in range(3):
        keys.create_key(project.id, NewKey(name=f"Key {number}", mode="test"), by=BY)
    limit_project(project, renders_per_day=1)
    later = keys.create_key(project.id, NewKey(name="Later", mode="test"), by=BY)
    listed, _ = keys.list_keys(project.id)
    assert len(listed) == 5
    assert {key.limited for key in listed} == {("project",)}
    assert later.key.limited == ("project",)


def test_limit_project__applies_to_keys_that_the_index_lists_late(
    project: DemoProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("craftkit.keys.repository.page", lambda *_: ([], None))
    assert limit_project(project, renders_per_day=1).limited == {"project"}


def test_limit__writes_an_audit_entry(cloud: Cloud, project: DemoProject) -> None:
    limit_key(project, renders_per_day=5, rate=Rate(calls=10, seconds=1, burst=20))
    [entry] = entries(cloud, "limits.set")
    assert entry["target"] == project.key.key.id
    assert entry["details"] == {"of": "key", "renders_per_day": "5", "rate": "10/s"}


def entries(cloud: Cloud, action: str) -> list[dict[str, Any]]:
    found = cloud.table("AuditTable").scan()["Items"]
    return [item for item in found if item.get("action") == action]


def test_create_render__over_its_budget_is_429_with_headers(
    create: Any, project: DemoProject
) -> None:
    limit_key(project, renders_per_day=1)
    assert create()["statusCode"] == 202
    answer = create()
    assert answer["statusCode"] == 429
    assert '"code":"quota_exceeded"' in answer["body"]
    assert '"key-renders-day";q=1;w=86400' in answer["headers"]["RateLimit-Policy"]
    assert '"key-renders-day";r=0;t=' in answer["headers"]["RateLimit"]
    assert int(answer["headers"]["Retry-After"]) > 0


def test_create_render__a_refused_body_costs_no_budget(
    cloud: Cloud, create: Any, project: DemoProject
) -> None:
    limit_key(project, renders_per_day=1)
    sent = load_event(
        "create_render", principal=principal_of(project.key.key.id), body={"data": {}}
    )
    assert cloud.invoke("create_render", sent)["statusCode"] == 400
    assert used(project) == 0


def test_create_render__a_repeat_is_free_also_with_a_used_up_budget(
    create: Any, project: DemoProject
) -> None:
    limit_key(project, renders_per_day=2)
    headers = {"Idempotency-Key": "order-4711"}
    assert [create(headers=headers)["statusCode"] for _ in range(2)] == [202, 200]
    assert used(project) == 1
    assert create()["statusCode"] == 202
    assert create()["statusCode"] == 429
    assert create(headers=headers)["statusCode"] == 200


def fail_latest(project: DemoProject, answer: Any) -> str:
    id_ = str(json.loads(answer["body"])["id"])
    typesetter = FakeTypesetter()
    typesetter.failure = SourceError("no")
    render_document(project.id, id_, typeset=typesetter)
    return id_


def test_create_render__a_retry_under_an_idempotency_key_is_charged_like_a_first_try(
    create: Any, project: DemoProject
) -> None:
    limit_key(project, renders_per_day=2)
    headers = {"Idempotency-Key": "order-4711"}
    for tries in (1, 2):
        answer = create(headers=headers)
        assert answer["statusCode"] == 202
        fail_latest(project, answer)
        assert used(project) == tries
    answer = create(headers=headers)
    assert answer["statusCode"] == 429
    assert '"code":"quota_exceeded"' in answer["body"]
    assert used(project) == 2


def test_create_render__a_retry_that_cannot_be_queued_is_refunded(
    create: Any, project: DemoProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit_key(project, renders_per_day=5)
    headers = {"Idempotency-Key": "order-4711"}
    fail_latest(project, create(headers=headers))

    def refuse(_render: Any) -> None:
        raise QueueUnavailableError

    monkeypatch.setattr("craftkit.renders.dispatch.enqueue", refuse)
    assert create(headers=headers)["statusCode"] == 503
    assert used(project) == 1


def test_create_render__an_idempotency_conflict_is_not_charged(
    cloud: Cloud, create: Any, project: DemoProject
) -> None:
    limit_key(project, renders_per_day=5)
    headers = {"Idempotency-Key": "order-4711"}
    create(headers=headers)
    other = load_event(
        "create_render",
        principal=principal_of(project.key.key.id),
        body={"data": {**DATA, "total": "1.00"}},
        headers=headers,
    )
    assert cloud.invoke("create_render", other)["statusCode"] == 409
    assert used(project) == 1


def test_retry_render__in_the_dashboard_is_charged_to_the_renders_key_and_its_project(
    cloud: Cloud, create: Any, project: DemoProject
) -> None:
    limit_key(project, renders_per_day=2)
    limit_project(project, renders_per_day=5)
    id_ = fail_latest(project, create())
    with cloud.as_function("DashboardFunction"):
        renders.retry_render(project.id, id_)
        assert (used(project), used(project, "project")) == (2, 2)
        with pytest.raises(ConflictError):
            renders.retry_render(project.id, id_)
        assert used(project) == 2
        typesetter = FakeTypesetter()
        typesetter.failure = SourceError("no")
        with cloud.as_function("TestWorkerFunction"):
            render_document(project.id, id_, typeset=typesetter)
    with cloud.as_function("DashboardFunction"), pytest.raises(QuotaExceededError):
        renders.retry_render(project.id, id_)


def test_create_render__a_render_that_cannot_be_queued_is_refunded(
    create: Any, project: DemoProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def send_message(self, **_: Any) -> None:
            raise EndpointConnectionError(endpoint_url="https://sqs")

    limit_key(project, renders_per_day=1)
    with monkeypatch.context() as broken:
        broken.setattr("craftkit.queues._sqs", Broken)
        assert create()["statusCode"] == 503
    assert used(project) == 0
    assert create()["statusCode"] == 202


def test_create_render__a_charge_needs_one_additional_call(
    create: Any, project: DemoProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit_key(project, renders_per_day=1000, rate=Rate(calls=1000, seconds=1, burst=1000))
    create(), create()
    made: list[str] = []
    make_call = boto3.client("sts").__class__.__mro__[1]._make_api_call  # type: ignore[attr-defined]

    def counting(client: Any, operation: str, parameters: Any) -> Any:
        made.append(operation)
        return make_call(client, operation, parameters)

    principal = principal_of(project.key.key.id)
    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", counting)
    limits.charge(principal, renders=1)
    assert len(made) <= 2  # two, where the bucket has become full or begun to empty meanwhile


@pytest.mark.parametrize(("limits", "used"), [({}, "8"), ({"warn_at_percent": 50}, "5")])
def test_send_limit_warnings__a_percentage_is_reported_once(
    cloud: Cloud, project: DemoProject, limits: dict[str, Any], used: str
) -> None:
    principal = limit_key(project, renders_per_day=10, **limits)
    for _ in range(10):
        outcome_of(principal)
    [warning] = [
        item
        for item in boto3.client("dynamodb").scan(TableName=cloud.names["LimitsTable"])["Items"]
        if item["subject"]["S"].startswith("warning#")
    ]
    sent = load_event("send_limit_warnings")
    sent["Records"][0]["dynamodb"]["NewImage"] = warning
    for _ in range(2):
        assert cloud.invoke("send_limit_warnings", sent) == {"batchItemFailures": []}
    [entry] = entries(cloud, "limit.warning")
    assert entry["target"] == project.key.key.id
    assert entry["details"] == {"of": "key", "period": "day", "used": used, "limit": "10"}
    event = event_of(entry)
    assert event
    assert event.type == "limit.warning"
    assert event.data["used"] == used
