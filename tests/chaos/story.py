"""What people do in the world: send requests and repeat them, cancel, receive, operate."""

import json
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from standardwebhooks import Webhook

from craftkit.auth.principal import Mode
from craftkit.network import Fetched, FetchError, Policy
from craftkit.renders import dead_letters
from craftkit.typesetter import Document, Job, SourceError
from craftkit.webhooks import service as webhooks
from craftkit.webhooks.models import NewEndpoint
from testkit.events import event
from testkit.project import DATA, DemoProject, make_project
from testkit.receiver import answered
from testkit.typesetter import PDF
from tests.chaos.faults import KilledError
from tests.chaos.world import World

ARRIVALS_SECONDS = 600.0
OUTAGE = (240.0, 1000.0)
"""The test pool's worker does not start: what comes in the first minutes of it dies."""

RECEIVER_DOWN = (0.0, 900.0)
"""One of the receivers is not there."""

_TRIES = 6
_GOOD, _BAD, _SHAKY = "good", "bad", "shaky"


class Story:
    """A few projects, their endpoints, and everything that arrived."""

    def __init__(self, world: World, renders: int) -> None:
        self.world, self._random = world, world.faults.random
        self.accepted: set[str] = set()
        self.arrived: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self.bodies: dict[str, bytes] = {}
        self.secrets: dict[str, str] = {}
        modes: tuple[Mode, ...] = ("live", "live", "test")
        self.projects = [make_project(mode, name=f"P{n}") for n, mode in enumerate(modes)]
        self.endpoints: dict[str, list[str]] = defaultdict(list)
        for number, project in enumerate((*self.projects, self.projects[0])):
            url = f"https://receiver-{number}.example.com/"
            made = webhooks.create_endpoint(
                project.id, NewEndpoint(url=url), by="chaos", check=lambda *_: None
            )
            self.endpoints[project.id].append(url)
            self.secrets[url] = made.secret
        for number in range(renders):
            self._plan(number)
        for moment, is_broken in zip(OUTAGE, (True, False), strict=True):
            world.at(moment, lambda broken=is_broken: self._break(broken))  # type: ignore[misc]
        world.at(OUTAGE[1] + 60, self._redrive)

    def _plan(self, number: int) -> None:
        project = self._random.choice(self.projects)
        kind = self._random.choices((_GOOD, _BAD, _SHAKY), (90, 5, 5))[0]
        moment = self._random.random() * ARRIVALS_SECONDS
        self.world.at(moment, lambda: self._ask(project, number, kind, 1))
        if kind == _BAD and self._random.random() < 0.3:
            # Somebody tries the same again, a while after it failed.
            self.world.at(moment + 120, lambda: self._ask(project, number, kind, 1))

    def _ask(self, project: DemoProject, number: int, kind: str, tries: int) -> None:
        """One request, and again with the same idempotency key while nobody answers well."""
        body = {"data": {**DATA, "number": kind}, "metadata": {"n": str(number)}}
        headers: dict[str, str | None] = {"Idempotency-Key": f"order-{number}"}
        sent = event("create_render", principal=project.principal, body=body, headers=headers)
        try:
            answer = self.world.invoke("create_render", sent, "other_killed")
        except KilledError:
            answer = {"statusCode": 502, "body": "{}"}
        finally:
            self.world.wake_streams()
        if answer["statusCode"] >= 500:
            self.world.faults.counted["requests answered 5xx"] += 1
            if tries < _TRIES:
                again = 2.0**tries * (0.5 + self._random.random())
                self.world.at(again, lambda: self._ask(project, number, kind, tries + 1))
            return
        if answer["statusCode"] not in (200, 202):
            raise AssertionError(answer["body"])
        id_ = str(json.loads(answer["body"])["id"])
        self.accepted.add(id_)
        if self._random.random() < 0.05:
            self.world.at(self._random.random() / 2, lambda: self._cancel(project, id_))

    def _cancel(self, project: DemoProject, id_: str) -> None:
        sent = event("cancel_render", principal=project.principal, path={"id": id_})
        try:
            self.world.invoke("cancel_render", sent, "other_killed")
        except KilledError:
            return
        finally:
            self.world.wake_streams()

    def typeset(self, job: Job) -> Document:
        """The workers' typesetter: quick, and as fallible as the data says."""
        self.world.faults.step()
        if job.data["number"] == _BAD:
            raise SourceError("cannot divide by zero", line=3)
        if job.data["number"] == _SHAKY and self._random.random() < 0.3:
            raise RuntimeError("a fault that may pass")
        return Document(pdf=PDF, page_count=1)

    def receive(
        self, url: str, _policy: Policy, _method: str, body: bytes, headers: Mapping[str, str]
    ) -> Fetched:
        """Every receiver, in place of `network.fetch`: verifies, notes, and sometimes fails."""
        self.world.faults.step()
        is_down = url.startswith("https://receiver-1") and _is_in(RECEIVER_DOWN, self.world.now)
        if is_down:
            raise FetchError("the host cannot be reached")
        if self.world.faults.happens("receiver_failed"):
            # Some fail before they have it, some after: then it comes twice.
            if self._random.random() < 0.5:
                self._note(url, body, headers)
            if self._random.random() < 0.5:
                raise FetchError("no answer within 15 seconds")
            return answered(self._random.choice((500, 503, 429, 302)), retry_after="30")
        self._note(url, body, headers)
        self.world.faults.step()
        return answered(200)

    def _note(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        told: Any = Webhook(self.secrets[url]).verify(body, dict(headers))
        event_id = headers["webhook-id"]
        if self.bodies.setdefault(event_id, body) != body:
            raise AssertionError(f"{event_id} was told in two ways")
        self.world.faults.counted["webhooks received"] += 1
        self.arrived[url].add((event_id, told["type"]))

    def _break(self, is_broken: bool) -> None:
        self.world.queues["TestQueue"].is_broken = is_broken

    def _redrive(self) -> None:
        """The operator, once the pool is well again; repeated until nothing waits."""
        waiting = self.world.cloud.waiting["DeadRendersQueue"]
        before = len(waiting)
        with suppress(Exception):
            dead_letters.redrive(1000)
        self.world.faults.counted["renders driven again"] += before - len(waiting)
        if waiting or self.world.now < 3000:
            self.world.at(60, self._redrive)


def _is_in(span: tuple[float, float], now: float) -> bool:
    return span[0] <= now < span[1]
