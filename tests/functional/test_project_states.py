"""Two actors and the clock do what they like to one project, in every order; four promises hold.

Nothing passes after its end: keys, and the embed sessions that they opened. A budget is never
exceeded. A render ends once. The audit tells of every change. The model knows the contract, and
nothing of how rows are kept; it calls the handlers as the gateway would.

`STATE_EXAMPLES=500` runs more orders than the default.
"""

import json
import os
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule
from moto import mock_aws

from craftkit.auth.principal import Principal
from craftkit.auth.verify import verify_key
from craftkit.dynamodb import resource
from craftkit.embed.partners import service as partners
from craftkit.errors import CraftkitError
from craftkit.keys import exposure, limiting, service
from craftkit.keys.models import Exposure, NewKey
from craftkit.keys.repository import find_record
from craftkit.limits.models import LimitsChange
from craftkit.projects import service as projects
from craftkit.renders import lifecycle
from testkit.clock import FrozenClock, frozen_time
from testkit.cloud import Cloud, forget, variables
from testkit.embed import page_call, session_body
from testkit.events import event
from testkit.project import DATA, publish
from testkit.template import template
from testkit.wire import DynamoDBWire

BUDGET = 4
ENDS = ("succeeded", "failed", "cancelled")
TABLES = (
    "KeysTable",
    "ProjectsTable",
    "ContentTable",
    "AuditTable",
    "LimitsTable",
    "RendersTable",
    "EmbedSessionsTable",
)
ACTORS = st.sampled_from(["ada", "bob"])


@dataclass(eq=False)
class ModelKey:
    id: str
    secrets: list[str]
    mode: str
    thrown_away: set[str] = field(default_factory=set)
    revoked_at: datetime | None = None
    exposed: bool = False

    def passes(self, secret: str) -> bool:
        return self.revoked_at is None and secret not in self.thrown_away


@dataclass(eq=False)
class ModelSession:
    key: ModelKey
    id: str
    token: str
    expires_at: datetime
    revoked: bool = False


@dataclass(eq=False)
class ModelRender:
    id: str
    key: ModelKey
    idempotency_key: str
    status: str = "queued"
    is_retryable: bool = False


class Project(RuleBasedStateMachine):
    cloud: Cloud
    clock: FrozenClock
    keys = Bundle("keys")
    sessions = Bundle("sessions")
    renders = Bundle("renders")

    def __init__(self) -> None:
        super().__init__()
        self.clock.now = self.clock.now.replace(hour=9, minute=0)
        self.clock.advance(days=1)
        self.id = projects.create_project("Demo", by="ada").id
        publish(self.id, "invoice")
        partners.enable(self.id, by="ada")
        limiting.limit_project(self.id, LimitsChange(renders_per_day=BUDGET), by="ada")
        self.suspended = False
        self.known_keys: list[ModelKey] = []
        self.known_sessions: list[ModelSession] = []
        self.known_renders: dict[str, ModelRender] = {}
        self.charged: Counter[str] = Counter()
        self.audited: Counter[str] = Counter()

    def teardown(self) -> None:
        for name in TABLES:
            table = resource().Table(name)
            parts = [part["AttributeName"] for part in table.key_schema]
            with table.batch_writer() as batch:
                for item in table.scan()["Items"]:
                    batch.delete_item(Key={part: item[part] for part in parts})
        forget()

    # Keys

    @rule(target=keys, mode=st.sampled_from(["live", "test"]), by=ACTORS)
    def create_key(self, mode: Any, by: str) -> ModelKey:
        minted = service.create_key(self.id, NewKey(name="Key", mode=mode), by=by)
        key = ModelKey(minted.key.id, [minted.cleartext], mode)
        self.known_keys.append(key)
        self.audited["key.created"] += 1
        return key

    @rule(key=keys, by=ACTORS)
    def revoke_key(self, key: ModelKey, by: str) -> None:
        service.revoke_key(key.id, by=by)
        if key.revoked_at is None:
            key.revoked_at = self.clock.now
            self.audited["key.revoked"] += 1

    @rule(key=keys, by=ACTORS)
    def undo(self, key: ModelKey, by: str) -> None:
        try:
            service.undo_revocation(key.id, by=by)
        except CraftkitError:
            is_late = bool(key.revoked_at and self.clock.now - key.revoked_at > timedelta(hours=1))
            assert key.exposed or is_late
            return
        if key.revoked_at is not None:
            key.revoked_at = None
            self.audited["key.revocation_undone"] += 1

    @rule(key=keys, by=ACTORS)
    def rotate(self, key: ModelKey, by: str) -> None:
        if key.revoked_at is not None:
            return
        minted = service.rotate_key(key.id, by=by, replace=True)
        if len(key.secrets) > 1:
            key.thrown_away.add(key.secrets[-1])
        key.secrets.append(minted.cleartext)
        self.audited["key.rotated"] += 1

    @rule(key=keys)
    def report(self, key: ModelKey) -> None:
        """A scanner finds the newest secret of a key that has never been rotated."""
        if len(key.secrets) > 1 or key.exposed:
            return
        found = Exposure(token=key.secrets[0], url="https://a.example/file")
        exposure.report_exposed([found], by="scanner")
        key.exposed = True
        if key.revoked_at is None:
            key.revoked_at = self.clock.now
            self.audited["key.revoked"] += 1

    # Renders

    @rule(target=renders, key=keys, name=st.sampled_from(["a", "b", "c"]))
    def render(self, key: ModelKey, name: str) -> ModelRender | None:
        """A first request, a repeat, or the retry of a failed render, by the name."""
        principal = self._principal(key)
        if principal is None:
            return None
        answer = self._call("create_render", principal, body={"data": DATA}, name=name)
        day = self.clock.now.date().isoformat()
        before = self.known_renders.get(f"{key.mode}/{name}")
        starts = before is None or before.is_retryable
        if starts and self.charged[day] >= BUDGET:
            assert (answer["statusCode"], self._code(answer)) == (429, "quota_exceeded")
            return before
        body = json.loads(answer["body"])
        if not starts:
            assert before is not None
            assert (answer["statusCode"], body["id"]) == (200, before.id)
            return before
        assert answer["statusCode"] == 202, answer
        self.charged[day] += 1
        made = before or ModelRender(body["id"], key, name)
        assert made.id == body["id"]
        made.status, made.is_retryable = "queued", False
        self.known_renders[f"{key.mode}/{name}"] = made
        return made

    @rule(render=renders, outcome=st.sampled_from(["succeeded", "failed"]))
    def work(self, render: ModelRender | None, outcome: str) -> None:
        """A worker claims the render; its message may be delivered twice."""
        if render is None:
            return
        try:
            held = lifecycle.claim(self.id, render.id, self.clock.now)
        except lifecycle.GoneError:
            assert render.status in ENDS
            return
        assert render.status == "queued"
        now = self.clock.now
        if outcome == "failed":
            lifecycle.fail(held, now=now, code="template_error", message="Broken.")
        else:
            lifecycle.succeed(
                held, now=now, page_count=1, size_bytes=9, sha256="0" * 64, warnings=()
            )
        render.status, render.is_retryable = outcome, outcome == "failed"

    @rule(render=renders, key=keys)
    def cancel(self, render: ModelRender | None, key: ModelKey) -> None:
        principal = self._principal(key)
        if render is None or principal is None:
            return
        answer = self._call("cancel_render", principal, path={"id": render.id})
        if render.key.mode != key.mode:
            assert (answer["statusCode"], self._code(answer)) == (404, "not_found")
        elif render.status == "queued":
            assert answer["statusCode"] == 200
            render.status, render.is_retryable = "cancelled", False
        else:
            assert answer["statusCode"] in (200, 409)

    # Embed sessions

    @rule(target=sessions, key=keys)
    def open_session(self, key: ModelKey) -> ModelSession | None:
        principal = self._principal(key)
        if principal is None:
            return None
        answer = self._call("create_embed_session", principal, body=session_body())
        if self.suspended:
            assert (answer["statusCode"], self._code(answer)) == (403, "partner_suspended")
            return None
        assert answer["statusCode"] == 201, answer
        body = json.loads(answer["body"])
        expires_at = datetime.fromisoformat(body["expires_at"])
        made = ModelSession(key, body["session_id"], body["session_token"], expires_at)
        self.known_sessions.append(made)
        return made

    @rule(session=sessions)
    def revoke_session(self, session: ModelSession | None) -> None:
        principal = self._principal(session.key) if session else None
        if session is None or principal is None or self.suspended:
            return
        path = {"id": session.id}
        assert self._call("revoke_embed_session", principal, path=path)["statusCode"] == 204
        session.revoked = True

    @rule(by=ACTORS)
    def suspend_or_resume(self, by: str) -> None:
        (partners.resume if self.suspended else partners.suspend)(self.id, by=by)
        self.suspended = not self.suspended

    @rule(span=st.sampled_from([timedelta(minutes=5), timedelta(minutes=61), timedelta(hours=5)]))
    def time_passes(self, span: timedelta) -> None:
        self.clock.advance(seconds=span.total_seconds())

    # Promises

    @invariant()
    def a_key_passes_until_its_end_and_never_after(self) -> None:
        for key in self.known_keys:
            for secret in key.secrets:
                assert (self._record(secret) is not None) == key.passes(secret)

    @invariant()
    def a_session_passes_until_its_end_and_never_after(self) -> None:
        for session in self.known_sessions:
            answer = page_call(self.cloud, "open_embed_session", session.token)
            is_good = (
                not session.revoked
                and not self.suspended
                and session.key.revoked_at is None
                and self.clock.now < session.expires_at
            )
            assert (answer.status == 200) == is_good, (answer.status, session)

    @invariant()
    def a_render_is_what_it_ended_as(self) -> None:
        for render in self.known_renders.values():
            item = (
                resource()
                .Table("RendersTable")
                .get_item(Key={"project_id": self.id, "render_id": render.id})["Item"]
            )
            assert item["status"] == render.status

    @invariant()
    def the_audit_tells_of_every_change_of_a_key(self) -> None:
        found = Counter(
            item["action"]
            for item in resource().Table("AuditTable").scan()["Items"]
            if item["action"] in self.audited
        )
        assert found == self.audited

    def _record(self, secret: str) -> Any:
        found = verify_key(secret, stage="local", lookup=find_record, now=self.clock.now)
        return found.record if found.verdict == "allowed" else None

    def _principal(self, key: ModelKey) -> Principal | None:
        """The verified caller, or None if the authorizer denies it."""
        record = self._record(key.secrets[-1])
        return record.principal if record else None

    def _call(self, function: str, principal: Principal, name: str = "", **how: Any) -> Any:
        headers = {"Idempotency-Key": name} if name else {}
        sent = event(function, principal=principal, headers=headers, **how)
        if function == "create_render":
            sent["pathParameters"] = {"slug": "invoice"}
        return self.cloud.invoke(function, sent)

    @staticmethod
    def _code(answer: Any) -> str:
        return str(json.loads(answer["body"])["error"]["code"])


class TestProject(Project.TestCase):  # type: ignore[name-defined, misc]
    settings = settings(
        max_examples=int(os.environ.get("STATE_EXAMPLES", "15")),
        stateful_step_count=20,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )

    @classmethod
    def setUpClass(cls) -> None:
        cls.surroundings = ExitStack()
        cls.surroundings.enter_context(mock_aws())
        Project.cloud = Cloud(template())
        Project.clock = FrozenClock()
        forget()
        cls.surroundings.enter_context(variables(Project.cloud.environment()))
        wire = DynamoDBWire()
        cls.surroundings.enter_context(patch("craftkit.auth.connections.post", wire.post))
        cls.surroundings.enter_context(frozen_time(Project.clock))

    @classmethod
    def tearDownClass(cls) -> None:
        cls.surroundings.close()
        forget()
