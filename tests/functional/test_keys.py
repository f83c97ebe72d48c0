"""Keys through their use cases and functions, checked by the verdict of the authorizer."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from moto.dynamodb.models import DynamoDBBackend

from craftkit.auth import api_key
from craftkit.auth.lookup import find_key
from craftkit.auth.verify import verify_key
from craftkit.clock import to_rfc3339, utc_now
from craftkit.errors import (
    InvalidRequestError,
    KeyNotActiveError,
    NoRotationError,
    NotFoundError,
    RotationUnderWayError,
    UndoRefusedError,
)
from craftkit.keys import exposure, service, views
from craftkit.keys.models import Exposure, MintedKey, NewKey
from craftkit.projects import service as projects
from testkit.clock import FrozenClock
from testkit.cloud import Cloud
from testkit.events import event as load_event
from testkit.project import DemoProject, make_project

BY = "tester"
DAY = timedelta(days=1)


def verdict(cleartext: str) -> str:
    return verify_key(cleartext, stage="local", lookup=find_key, now=utc_now()).verdict.value


def entries(cloud: Cloud, action: str) -> list[dict[str, Any]]:
    found = cloud.table("AuditTable").scan()["Items"]
    return sorted(
        (item for item in found if item.get("action") == action), key=lambda item: str(item["sk"])
    )


@pytest.fixture
def use(cloud: Cloud, clock: FrozenClock) -> Any:
    """Call the API with a key, and see its use written."""

    def call(cleartext: str, *, route: str = "/v1/renders", method: str = "GET") -> None:
        sent = load_event("authorize", headers={"Authorization": f"Bearer {cleartext}"})
        cloud.invoke("authorize", sent | {"resource": route, "httpMethod": method})
        cloud.module("authorize").activity.flush(clock(), everything=True)

    return call


@pytest.fixture
def first_use(cloud: Cloud, use: Any) -> Any:
    """The first call with a new secret, and the function of the activity table's stream."""

    def call(minted: MintedKey) -> None:
        use(minted.cleartext)
        sent = load_event("start_rotation_grace")
        sent["Records"][0]["dynamodb"]["NewImage"] |= {
            "key_id": {"S": minted.key.id},
            "secret_day": {"S": api_key.prefix_of(minted.cleartext)},
        }
        assert cloud.invoke("start_rotation_grace", sent) == {"batchItemFailures": []}

    return call


@pytest.fixture
def expire(cloud: Cloud) -> Any:
    return lambda: cloud.invoke("expire_keys", load_event("expire_keys"))


class TestRotation:
    def test_a_rotation_keeps_the_id_and_both_secrets_are_valid(
        self, clock: Any, project: DemoProject
    ) -> None:
        minted = service.rotate_key(project.key.key.id, by=BY)
        assert minted.key.id == project.key.key.id
        assert verdict(project.key.cleartext) == verdict(minted.cleartext) == "allowed"

    def test_the_old_secret_ends_one_grace_after_the_first_use_of_the_new_one(
        self, clock: FrozenClock, project: DemoProject, first_use: Any
    ) -> None:
        minted = service.rotate_key(project.key.key.id, by=BY, grace=2 * DAY)
        clock.advance(days=100)
        assert verdict(project.key.cleartext) == "allowed"
        first_use(minted)
        clock.advance(days=2, milliseconds=-1)
        assert verdict(project.key.cleartext) == "allowed"
        clock.advance(milliseconds=1)
        assert verdict(project.key.cleartext) == "expired"
        assert verdict(minted.cleartext) == "allowed"

    def test_a_first_use_missing_from_the_stream_is_found_by_the_schedule(
        self, clock: FrozenClock, project: DemoProject, use: Any, expire: Any
    ) -> None:
        minted = service.rotate_key(project.key.key.id, by=BY, grace=timedelta(0))
        use(minted.cleartext)
        assert verdict(project.key.cleartext) == "allowed"
        clock.advance(days=1)
        expire()
        assert verdict(project.key.cleartext) == "expired"

    def test_a_report_of_an_unknown_key_sends_no_event(self, cloud: Cloud) -> None:
        assert cloud.invoke("start_rotation_grace", load_event("start_rotation_grace")) == {
            "batchItemFailures": []
        }

    def test_a_second_rotation_is_refused_and_a_lost_secret_can_be_replaced(
        self, clock: FrozenClock, project: DemoProject
    ) -> None:
        lost = service.rotate_key(project.key.key.id, by=BY)
        with pytest.raises(RotationUnderWayError):
            service.rotate_key(project.key.key.id, by=BY)
        found = service.rotate_key(project.key.key.id, by=BY, replace=True)
        assert verdict(lost.cleartext) == "unknown"
        assert verdict(project.key.cleartext) == verdict(found.cleartext) == "allowed"

    @pytest.mark.parametrize("grace", [timedelta(seconds=-1), timedelta(days=30, seconds=1)])
    def test_a_grace_outside_0_to_30_days_is_refused(
        self, project: DemoProject, grace: timedelta
    ) -> None:
        with pytest.raises(InvalidRequestError):
            service.rotate_key(project.key.key.id, by=BY, grace=grace)

    def test_a_revoked_key_cannot_be_rotated(self, project: DemoProject) -> None:
        service.revoke_key(project.key.key.id, by=BY)
        with pytest.raises(KeyNotActiveError):
            service.rotate_key(project.key.key.id, by=BY)

    def test_a_rotation_can_be_ended_at_once(self, clock: Any, project: DemoProject) -> None:
        minted = service.rotate_key(project.key.key.id, by=BY)
        service.end_rotation(project.key.key.id, by=BY)
        assert verdict(project.key.cleartext) == "expired"
        assert verdict(minted.cleartext) == "allowed"
        with pytest.raises(NoRotationError):
            service.end_rotation(project.key.key.id, by=BY)

    def test_an_ended_secret_is_diagnosed_and_deleted_after_30_days(
        self, clock: FrozenClock, project: DemoProject, expire: Any
    ) -> None:
        service.rotate_key(project.key.key.id, by=BY)
        service.end_rotation(project.key.key.id, by=BY)
        diagnosis = service.diagnose(project.key.cleartext)
        assert diagnosis.outcome == "expired"
        assert "rotated" in diagnosis.message
        clock.advance(days=31)
        expire()
        assert verdict(project.key.cleartext) == "unknown"

    def test_a_rotation_keeps_scopes_expiry_and_limits(self, cloud: Cloud, clock: Any) -> None:
        expires_at = utc_now() + 5 * DAY
        project = make_project(
            scopes=("renders:read",), templates=("invoice",), expires_at=expires_at
        )
        minted = service.rotate_key(project.key.key.id, by=BY)
        record = find_key(api_key.hash_of(minted.cleartext))
        assert record
        assert record.principal == project.principal
        assert record.expires_at == to_rfc3339(expires_at)

    def test_a_revocation_refuses_both_secrets_and_an_undo_restores_both(
        self, clock: Any, project: DemoProject
    ) -> None:
        minted = service.rotate_key(project.key.key.id, by=BY)
        service.revoke_key(project.key.key.id, by=BY, reason="a mistake")
        assert verdict(project.key.cleartext) == verdict(minted.cleartext) == "revoked"
        service.undo_revocation(project.key.key.id, by=BY)
        assert verdict(project.key.cleartext) == verdict(minted.cleartext) == "allowed"


class TestRevocation:
    def test_a_revocation_stores_user_time_and_reason(
        self, cloud: Cloud, project: DemoProject
    ) -> None:
        service.revoke_key(project.key.key.id, by="ada", reason="left the team")
        [entry] = entries(cloud, "key.revoked")
        assert (entry["actor"], entry["target"]) == ("ada", project.key.key.id)
        assert entry["details"]["reason"] == "left the team"

    def test_an_undo_after_61_minutes_is_refused(
        self, clock: FrozenClock, project: DemoProject
    ) -> None:
        service.revoke_key(project.key.key.id, by=BY)
        clock.advance(minutes=61)
        with pytest.raises(UndoRefusedError):
            service.undo_revocation(project.key.key.id, by=BY)
        assert verdict(project.key.cleartext) == "revoked"

    def test_concurrent_revocations_are_one_revocation(
        self, cloud: Cloud, project: DemoProject, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lock = threading.RLock()
        write = DynamoDBBackend.transact_write_items

        def one_at_a_time(*args: Any, **how: Any) -> Any:
            with lock:
                return write(*args, **how)

        monkeypatch.setattr(DynamoDBBackend, "transact_write_items", one_at_a_time)
        report = Exposure(token=project.key.cleartext, url="https://a.example")
        deeds = [
            lambda: service.revoke_key(project.key.key.id, by=BY, reason="one"),
            lambda: service.revoke_key(project.key.key.id, by=BY, reason="two"),
            lambda: exposure.report_exposed([report], by="scanner"),
            lambda: exposure.report_exposed([report], by="scanner"),
        ]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda deed: deed(), deeds))
        assert len(entries(cloud, "key.revoked")) == len(entries(cloud, "key.exposed")) == 1
        assert verdict(project.key.cleartext) == "revoked"
        with pytest.raises(UndoRefusedError):
            service.undo_revocation(project.key.key.id, by=BY)

    def test_a_key_that_does_not_exist_is_not_found(self, cloud: Cloud) -> None:
        for deed in (service.revoke_key, service.undo_revocation, service.rotate_key):
            with pytest.raises(NotFoundError):
                deed("019cec2a-2000-7000-8000-000000000009", by=BY)


class TestExpiry:
    def test_expiry_reminders_are_sent_14_3_and_1_days_before(
        self, cloud: Cloud, clock: FrozenClock, expire: Any
    ) -> None:
        project = make_project(expires_at=utc_now() + 20 * DAY)
        for _ in range(21 * 4):
            expire()
            clock.advance(hours=6)
        warnings = entries(cloud, "key.expiring")
        assert [entry["details"]["days"] for entry in warnings] == ["14", "3", "1"]
        assert {entry["target"] for entry in warnings} == {project.key.key.id}
        assert verdict(project.key.cleartext) == "expired"

    def test_a_key_that_fails_does_not_block_the_expiry_of_others(
        self, cloud: Cloud, clock: FrozenClock, expire: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        broken, fine = (make_project(expires_at=utc_now() + 20 * DAY) for _ in range(2))
        clock.advance(days=7)
        get_key = service.get_key

        def failing(key_id: str) -> Any:
            if key_id == broken.key.key.id:
                raise RuntimeError
            return get_key(key_id)

        monkeypatch.setattr(service, "get_key", failing)
        expire()
        assert {entry["target"] for entry in entries(cloud, "key.expiring")} == {fine.key.key.id}

    def test_an_expiry_in_the_past_is_refused(self, cloud: Cloud) -> None:
        with pytest.raises(InvalidRequestError):
            make_project(expires_at=utc_now())


class TestScopes:
    def test_without_scopes_a_key_has_the_default_scopes(self, cloud: Cloud) -> None:
        scopes = make_project(scopes=()).principal.scopes
        assert scopes == {"renders:write", "renders:read", "templates:read", "embed:write"}

    @pytest.mark.parametrize("scope", ["embed:edit", "requests:read"])
    def test_scopes_can_be_chosen_by_name(self, cloud: Cloud, scope: str) -> None:
        assert make_project(scopes=(scope,)).principal.scopes == {scope}

    def test_templates_write_is_not_for_api_keys(self) -> None:
        with pytest.raises(ValueError, match="Each scope must be one of"):
            NewKey(name="n", mode="live", scopes=("templates:write",))

    def test_a_repeated_scope_is_stored_once(self) -> None:
        new_key = NewKey(name="n", mode="live", scopes=("renders:read", "renders:read"))
        assert new_key.scopes == ("renders:read",)

    @pytest.mark.parametrize("scopes", [("renders:delete",), ("",), ("renders:read", "admin")])
    def test_unknown_scopes_are_refused(self, scopes: tuple[str, ...]) -> None:
        with pytest.raises(ValueError, match="Each scope must be one of"):
            NewKey(name="n", mode="live", scopes=scopes)


class TestActivity:
    def test_usage_is_shown_by_secret_and_day(
        self, clock: FrozenClock, project: DemoProject, use: Any
    ) -> None:
        minted = service.rotate_key(project.key.key.id, by=BY)
        for _ in range(3):
            use(project.key.cleartext)
        use(minted.cleartext, route="/v1/templates/{slug}/render", method="POST")
        clock.advance(days=1)
        use(minted.cleartext)
        shown = views.show_key(project.key.key.id)
        new, old = shown.secrets
        assert (new.state, new.requests, new.renders) == ("current", 2, 1)
        assert [(f"{day.day}", day.requests) for day in new.days] == [
            ("2026-03-14", 1),
            ("2026-03-15", 1),
        ]
        assert (old.state, old.requests, old.renders) == ("previous", 3, 0)
        assert (shown.requests, shown.renders) == (5, 1)
        assert shown.last_used_at == clock()

    def test_usage_is_listed_for_every_key(
        self, clock: FrozenClock, project: DemoProject, use: Any
    ) -> None:
        idle = service.create_key(project.id, NewKey(name="Idle", mode="test"), by=BY)
        use(project.key.cleartext)
        clock.advance(days=7)
        use(project.key.cleartext)
        listed, cursor = views.list_keys(project.id, limit=100)
        assert cursor is None
        by_id = {key.id: key for key in listed}
        assert by_id[idle.key.id].last_used_at is None
        used = by_id[project.key.key.id]
        assert used.first_used_at == clock() - 7 * DAY
        assert (used.last_used_at, used.requests) == (clock(), 1)  # the other is over a week old

    def test_an_event_reports_that_the_previous_secret_was_not_used_for_a_day(
        self,
        cloud: Cloud,
        clock: FrozenClock,
        project: DemoProject,
        use: Any,
        first_use: Any,
        expire: Any,
    ) -> None:
        minted = service.rotate_key(project.key.key.id, by=BY, grace=20 * DAY)
        waiting = views.show_key(project.key.key.id).rotation
        assert waiting
        assert waiting.state == "awaiting_first_use"
        first_use(minted)
        clock.advance(hours=12)
        use(project.key.cleartext)
        clock.advance(hours=23)
        busy = views.show_key(project.key.key.id).rotation
        assert busy
        assert busy.quiet_since is None
        clock.advance(hours=1)
        expire()
        quiet = views.show_key(project.key.key.id).rotation
        assert quiet
        assert quiet.quiet_since == clock() - DAY
        assert "no traffic" in quiet.message
        assert len(entries(cloud, "key.previous_secret_quiet")) == 1


def test_list_keys__pages_are_complete_and_in_order(cloud: Cloud) -> None:
    project = projects.create_project("Many", by=BY)
    made = [
        service.create_key(project.id, NewKey(name=f"{number}", mode="test"), by=BY).key.id
        for number in range(25)
    ]
    found: list[str] = []
    cursor = None
    while True:
        page, cursor = service.list_keys(project.id, limit=10, cursor=cursor)
        found += [key.id for key in page]
        if cursor is None:
            break
    assert found == made[::-1]
