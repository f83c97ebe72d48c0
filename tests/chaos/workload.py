"""The workload of a run: callers, webhook receivers and the operator."""

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
from tests.chaos.batches import BatchWorkload
from tests.chaos.faults import KilledError
from tests.chaos.simulation import Simulation

ARRIVALS_SECONDS = 600.0
OUTAGE = (240.0, 1000.0)
"""When the test worker does not start. Its first messages reach the dead-letter queue."""

RECEIVER_DOWN = (0.0, 900.0)
"""When one of the receivers cannot be reached."""

_TRIES = 6
_GOOD, _BAD, _FLAKY = "good", "bad", "flaky"


class Workload:
    """Three projects with webhook endpoints, their requests, and the received webhooks."""

    def __init__(self, simulation: Simulation, renders: int, batches: int = 0) -> None:
        self.simulation, self._random = simulation, simulation.faults.random
        self.accepted: set[str] = set()
        self.received_events: dict[str, set[tuple[str, str]]] = defaultdict(set)
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
        self.batches = BatchWorkload(simulation)
        for number in range(batches):
            moment = self._random.random() * ARRIVALS_SECONDS
            self.batches.plan(self._random.choice(self.projects), number, moment)
        for moment, is_broken in zip(OUTAGE, (True, False), strict=True):
            simulation.at(moment, lambda broken=is_broken: self._break(broken))  # type: ignore[misc]
        simulation.at(OUTAGE[1] + 60, self._redrive)

    def _plan(self, number: int) -> None:
        project = self._random.choice(self.projects)
        kind = self._random.choices((_GOOD, _BAD, _FLAKY), (90, 5, 5))[0]
        moment = self._random.random() * ARRIVALS_SECONDS
        self.simulation.at(moment, lambda: self._send_request(project, number, kind, 1))
        if kind == _BAD and self._random.random() < 0.3:
            # The caller sends the same request again after it failed.
            self.simulation.at(moment + 120, lambda: self._send_request(project, number, kind, 1))

    def _send_request(self, project: DemoProject, number: int, kind: str, tries: int) -> None:
        """Send a request, and retry it with the same idempotency key on 5xx responses."""
        body = {"data": {**DATA, "number": kind}, "metadata": {"n": str(number)}}
        headers: dict[str, str | None] = {"Idempotency-Key": f"order-{number}"}
        sent = event("create_render", principal=project.principal, body=body, headers=headers)
        try:
            answer = self.simulation.invoke("create_render", sent, "other_killed")
        except KilledError:
            answer = {"statusCode": 502, "body": "{}"}
        finally:
            self.simulation.wake_streams()
        if answer["statusCode"] >= 500:
            self.simulation.faults.counted["requests answered 5xx"] += 1
            if tries < _TRIES:
                again = 2.0**tries * (0.5 + self._random.random())
                self.simulation.at(
                    again, lambda: self._send_request(project, number, kind, tries + 1)
                )
            return
        if answer["statusCode"] not in (200, 202):
            raise AssertionError(answer["body"])
        id_ = str(json.loads(answer["body"])["id"])
        self.accepted.add(id_)
        if self._random.random() < 0.05:
            self.simulation.at(self._random.random() / 2, lambda: self._cancel(project, id_))

    def _cancel(self, project: DemoProject, id_: str) -> None:
        sent = event("cancel_render", principal=project.principal, path={"id": id_})
        try:
            self.simulation.invoke("cancel_render", sent, "other_killed")
        except KilledError:
            return
        finally:
            self.simulation.wake_streams()

    def typeset(self, job: Job) -> Document:
        """Replaces the workers' typesetter: returns at once, and fails depending on the data."""
        self.simulation.faults.step()
        if job.data["number"] == _BAD:
            raise SourceError("cannot divide by zero", line=3)
        if job.data["number"] == _FLAKY and self._random.random() < 0.3:
            raise RuntimeError("a temporary fault")
        return Document(pdf=PDF, page_count=1)

    def receive(
        self, url: str, _policy: Policy, _method: str, body: bytes, headers: Mapping[str, str]
    ) -> Fetched:
        """Replaces `network.fetch`: all receivers. Verifies and records the event, or fails."""
        self.simulation.faults.step()
        is_down = url.startswith("https://receiver-1") and _is_in(
            RECEIVER_DOWN, self.simulation.now
        )
        if is_down:
            raise FetchError("the host cannot be reached")
        if self.simulation.faults.happens("receiver_failed"):
            # Half of the failures happen after the event was recorded: it is delivered twice.
            if self._random.random() < 0.5:
                self._record(url, body, headers)
            if self._random.random() < 0.5:
                raise FetchError("no answer within 15 seconds")
            return answered(self._random.choice((500, 503, 429, 302)), retry_after="30")
        self._record(url, body, headers)
        self.simulation.faults.step()
        return answered(200)

    def received_everywhere(self, project_id: str) -> set[str]:
        """The ids of the events that every endpoint of the project has received."""
        by_url = [
            {id_ for id_, _ in self.received_events[url]} for url in self.endpoints[project_id]
        ]
        return set.intersection(*by_url)

    def _record(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        received: Any = Webhook(self.secrets[url]).verify(body, dict(headers))
        event_id = headers["webhook-id"]
        if self.bodies.setdefault(event_id, body) != body:
            raise AssertionError(f"{event_id} was sent with two different bodies")
        self.simulation.faults.counted["webhooks received"] += 1
        self.received_events[url].add((event_id, received["type"]))

    def _break(self, is_broken: bool) -> None:
        self.simulation.queues["TestQueue"].is_broken = is_broken

    def _redrive(self) -> None:
        """The operator queues dead renders again after the outage, until the queue is empty."""
        waiting = self.simulation.cloud.waiting["DeadRendersQueue"]
        before = len(waiting)
        with suppress(Exception):
            dead_letters.redrive(1000)
        self.simulation.faults.counted["renders queued again"] += before - len(waiting)
        if waiting or self.simulation.now < 3000:
            self.simulation.at(60, self._redrive)


def _is_in(span: tuple[float, float], now: float) -> bool:
    return span[0] <= now < span[1]
