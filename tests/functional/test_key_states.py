"""Every order of create, use, rotate, revoke, undo, expose and time, against a model of the rules.

The model is written from the contract and knows nothing of how keys are kept. After each step it is
compared with what the authorizer's own check says of every secret that was ever handed out: a
refused one must not pass, and a good one must not fail.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule
from moto import mock_aws

from craftkit.auth import api_key
from craftkit.auth.activity import Activity
from craftkit.auth.lookup import KeyRecord
from craftkit.auth.verify import verify_key
from craftkit.dynamodb import resource
from craftkit.errors import ConflictError, CraftkitError
from craftkit.keys import expiry, exposure, repository, service
from craftkit.keys.models import Exposure, NewKey
from craftkit.keys.repository import find_record
from craftkit.projects import service as projects
from testkit.clock import NOON, FrozenClock, frozen_time
from testkit.cloud import Cloud, forget, variables
from testkit.template import template
from testkit.wire import DynamoDBWire

HOUR = timedelta(hours=1)
SPANS = st.sampled_from(
    [timedelta(minutes=1), timedelta(minutes=59), HOUR, timedelta(hours=25), timedelta(days=8)]
)


@dataclass(eq=False)
class ModelSecret:
    cleartext: str
    used: bool = False
    ends_at: datetime | None = None
    thrown_away: bool = False
    exposed: bool = False

    def is_over(self, now: datetime) -> bool:
        return self.thrown_away or (self.ends_at is not None and self.ends_at <= now)


@dataclass(eq=False)
class ModelKey:
    """The expected state of a key: its secrets in order, and its changes."""

    id: str
    expires_at: datetime | None
    secrets: list[ModelSecret] = field(default_factory=list)
    grace: timedelta | None = None
    grace_runs: bool = False
    revoked_at: datetime | None = None

    def is_active(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def passes(self, secret: ModelSecret, now: datetime) -> bool:
        return self.is_active(now) and not secret.is_over(now)

    def previous(self, now: datetime) -> ModelSecret | None:
        older = [one for one in self.secrets[:-1] if not one.thrown_away]
        if not older or (older[-1].ends_at is not None and older[-1].ends_at <= now):
            return None
        return older[-1]


class Keys(RuleBasedStateMachine):
    keys = Bundle("keys")
    clock = FrozenClock()

    def __init__(self) -> None:
        super().__init__()
        self.clock.now = NOON
        self.project = projects.create_project("Demo", by="tester")
        self.known: list[ModelKey] = []

    def teardown(self) -> None:
        """Empty the tables: all runs use them, and moto copies them for each write."""
        for name in ("KeysTable", "ProjectsTable", "AuditTable", "KeyActivityTable"):
            table = resource().Table(name)
            keys = [part["AttributeName"] for part in table.key_schema]
            with table.batch_writer() as batch:
                for item in table.scan()["Items"]:
                    batch.delete_item(Key={key: item[key] for key in keys})

    @rule(target=keys, life=st.none() | st.sampled_from([2 * HOUR, timedelta(days=20)]))
    def create(self, life: timedelta | None) -> ModelKey:
        expires_at = self.clock() + life if life else None
        new_key = NewKey(name="Key", mode="live", expires_at=expires_at)
        minted = service.create_key(self.project.id, new_key, by="tester")
        key = ModelKey(minted.key.id, expires_at, [ModelSecret(minted.cleartext)])
        self.known.append(key)
        return key

    @rule(key=keys, which=st.integers(0, 2), is_announced=st.booleans())
    def use(self, key: ModelKey, which: int, is_announced: bool) -> None:
        """A request; the stream reports a first use at once, or only the scheduled run finds it."""
        secret = key.secrets[-1 - which % len(key.secrets)]
        record = find_record(api_key.hash_of(secret.cleartext))
        if not key.passes(secret, self.clock()):
            return
        assert record
        self._note(record)
        secret.used = True
        if is_announced:
            service.start_rotation_grace(key.id, record.prefix)
            self._grace_begins(key)

    @rule(
        key=keys,
        grace=st.sampled_from([timedelta(0), HOUR, timedelta(days=2)]),
        replace=st.booleans(),
    )
    def rotate(self, key: ModelKey, grace: timedelta, replace: bool) -> None:
        now = self.clock()
        previous = key.previous(now)
        is_fine = key.is_active(now) and (previous is None or replace)
        minted = self._attempt(
            lambda: service.rotate_key(key.id, by="tester", grace=grace, replace=replace),
            is_fine,
        )
        if not is_fine:
            return
        if previous is not None:
            key.secrets[-1].thrown_away = True
            previous.ends_at = None
        key.secrets.append(ModelSecret(minted.cleartext))
        key.grace, key.grace_runs = grace, False

    @rule(key=keys)
    def rotate_and_deploy(self, key: ModelKey) -> None:
        """The usual course of a rotation, so that the later states are tested often."""
        self.rotate(key, HOUR, replace=True)
        self.use(key, which=0, is_announced=True)

    @rule(key=keys)
    def end_rotation(self, key: ModelKey) -> None:
        now = self.clock()
        previous = key.previous(now)
        is_fine = key.is_active(now) and previous is not None
        self._attempt(lambda: service.end_rotation(key.id, by="tester"), is_fine)
        if is_fine and previous:
            previous.ends_at = now

    @rule(key=keys)
    def revoke(self, key: ModelKey) -> None:
        service.revoke_key(key.id, by="tester")
        key.revoked_at = key.revoked_at or self.clock()

    @rule(key=keys)
    def undo(self, key: ModelKey) -> None:
        now = self.clock()
        is_late = key.revoked_at is not None and now - key.revoked_at > HOUR
        kept = key.secrets
        is_exposed = any(secret.exposed and not secret.is_over(now) for secret in kept)
        is_fine = not is_exposed and not is_late
        self._attempt(lambda: service.undo_revocation(key.id, by="tester"), is_fine)
        if is_fine:
            key.revoked_at = None

    @rule(key=keys, minutes=st.sampled_from([0, 60, 61, 600]))
    def revoke_and_undo(self, key: ModelKey, minutes: int) -> None:
        self.revoke(key)
        self.clock.advance(minutes=minutes)
        self.undo(key)

    @rule(key=keys, which=st.integers(0, 2), policy=st.sampled_from(["revoke", "alert"]))
    def expose(self, key: ModelKey, which: int, policy: Any) -> None:
        now = self.clock()
        projects.set_exposure_policy(self.project.id, policy, by="tester")
        secret = key.secrets[-1 - which % len(key.secrets)]
        is_known = find_record(api_key.hash_of(secret.cleartext)) is not None
        report = Exposure(token=secret.cleartext, url="https://a.example/file")
        exposure.report_exposed([report], by="scanner")
        is_expired = key.expires_at is not None and key.expires_at <= now
        if not is_known or secret.is_over(now) or (is_expired and key.revoked_at is None):
            return
        secret.exposed = True
        previous = key.previous(now)
        if policy == "revoke" and previous is None:
            key.revoked_at = key.revoked_at or now
        elif policy == "revoke" and previous is not None:
            secret.ends_at = now
            if secret is not previous:  # the old secret is the current one again
                key.secrets.remove(previous)
                key.secrets.append(previous)
                previous.ends_at, key.grace_runs = None, True

    @rule(by=SPANS)
    def time_passes(self, by: timedelta) -> None:
        self.clock.advance(seconds=by.total_seconds())

    @rule(by=st.sampled_from([timedelta(seconds=1), timedelta(minutes=30), 3 * HOUR]))
    def clock_jumps_back(self, by: timedelta) -> None:
        self.clock.advance(seconds=-by.total_seconds())

    @rule(key=consumes(keys))
    def forget_about(self, key: ModelKey) -> None:
        """Stop changing this key; it is still checked."""

    @rule()
    def expire(self) -> None:
        due = set(repository.due(self.clock()))
        expiry.expire_keys()
        for key in self.known:
            if key.id in due:
                self._grace_begins(key)

    @invariant()
    def each_secret_passes_exactly_when_it_should(self) -> None:
        now = self.clock()
        for key in self.known:
            for secret in key.secrets:
                found = verify_key(secret.cleartext, stage="local", lookup=find_record, now=now)
                passes = found.verdict == "allowed"
                assert passes == key.passes(secret, now), (found.verdict, key, now)

    def _grace_begins(self, key: ModelKey) -> None:
        now = self.clock()
        previous = key.previous(now)
        newest = key.secrets[-1]
        if previous is None or key.grace_runs or not newest.used or key.grace is None:
            return
        key.grace_runs = True
        previous.ends_at = min(self._first_use(key.id, newest), now) + key.grace

    def _first_use(self, key_id: str, secret: ModelSecret) -> datetime:
        table = resource().Table("KeyActivityTable")
        at = {"key_id": key_id, "secret_day": api_key.prefix_of(secret.cleartext)}
        return datetime.fromisoformat(str(table.get_item(Key=at)["Item"]["first_used_at"]))

    def _note(self, record: KeyRecord) -> None:
        activity = Activity()
        activity.note(record, self.clock())
        activity.flush(self.clock())
        assert activity.due_in(self.clock()) is None

    def _attempt(self, deed: Callable[[], Any], is_fine: bool) -> Any:
        try:
            answer = deed()
        except CraftkitError as error:
            assert isinstance(error, ConflictError)
            assert not is_fine, error
            return None
        assert is_fine
        return answer


class TestKeys(Keys.TestCase):  # type: ignore[name-defined, misc]
    settings = settings(
        max_examples=40,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )

    @classmethod
    def setUpClass(cls) -> None:
        cls.surroundings = ExitStack()
        cls.surroundings.enter_context(mock_aws())
        cloud = Cloud(template())
        forget()
        cls.surroundings.enter_context(variables(cloud.environment()))
        wire = DynamoDBWire()
        cls.surroundings.enter_context(frozen_time(Keys.clock))
        cls.surroundings.enter_context(patch("craftkit.auth.connections.post", wire.post))

    @classmethod
    def tearDownClass(cls) -> None:
        cls.surroundings.close()
        forget()
