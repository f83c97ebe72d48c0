"""Events, the endpoints that want them, and the deliveries between the two."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from craftkit.auth.principal import Mode
from craftkit.clock import to_rfc3339

EventType = Literal[
    "render.succeeded",
    "render.failed",
    "render.cancelled",
    "key.created",
    "key.revoked",
    "key.expiring",
    "key.exposed",
    "embed.session.created",
    "form.submitted",
]
EVENT_TYPES: tuple[str, ...] = get_args(EventType)
PING = "ping"
"""Sent on request alone, whatever an endpoint's filter says."""

ENDPOINT_LIMIT = 20
"""Endpoints of one project: each is one more row for every event."""

Url = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
DeliveryStatus = Literal["pending", "sending", "delivered", "failed", "skipped"]


@dataclass(frozen=True)
class Event:
    """What happened, once. Its id is the `webhook-id` of every attempt to tell it.

    `data` is JSON and holds no secret. `mode` is a render's; other events have none.
    """

    id: str
    project_id: str
    type: str
    timestamp: datetime
    data: dict[str, Any] = field(hash=False)
    mode: Mode | None = None

    @property
    def payload(self) -> str:
        """The body that is signed and sent."""
        told = {"type": self.type, "timestamp": to_rfc3339(self.timestamp), "data": self.data}
        return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


class SealedSecret(BaseModel):
    """A signing secret as it is kept. One with `expires_at` is on its way out."""

    model_config = ConfigDict(frozen=True)

    sealed: bytes = Field(repr=False)
    created_at: datetime
    expires_at: datetime | None = None


class Endpoint(BaseModel):
    """Where a project wants its events sent. No `events` means every one.

    `mode` chooses the renders of test or of live keys; without it, the endpoint gets both.

    `failing_since` is set from the first failure after a success until the next success.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    project_id: str
    url: str
    events: tuple[str, ...] = ()
    mode: Mode | None = None
    secrets: tuple[SealedSecret, ...]
    created_at: datetime
    created_by: str
    failing_since: datetime | None = None
    disabled_at: datetime | None = None
    disabled_reason: str | None = None

    def wants(self, event: Event) -> bool:
        """Whether the event passes the filter, and did not happen before the endpoint was there."""
        is_wanted = not self.events or event.type in self.events
        is_of_mode = self.mode is None or event.mode in (None, self.mode)
        return is_wanted and is_of_mode and event.timestamp >= self.created_at

    def living_secrets(self, now: datetime) -> list[SealedSecret]:
        return [each for each in self.secrets if each.expires_at is None or each.expires_at > now]


class NewEndpoint(BaseModel):
    """What an endpoint is asked to be."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: Url
    events: tuple[str, ...] = ()
    mode: Mode | None = None

    @field_validator("events")
    @classmethod
    def _known(cls, events: tuple[str, ...]) -> tuple[str, ...]:
        if any(event not in EVENT_TYPES for event in events):
            raise ValueError(f"An event is one of {', '.join(EVENT_TYPES)}.")
        return tuple(event for event in EVENT_TYPES if event in events)


class MadeEndpoint(BaseModel):
    """An endpoint with its secret in clear: shown when it is made or rotated, and never again."""

    endpoint: Endpoint
    secret: str = Field(repr=False)


class Attempt(BaseModel):
    """One try to deliver, and what came of it. `response` is the first 4 KiB of the answer."""

    model_config = ConfigDict(frozen=True)

    number: int
    at: datetime
    duration_ms: int
    status_code: int | None = None
    error: str | None = None
    request_headers: dict[str, str] = {}
    response: str | None = None

    @property
    def is_success(self) -> bool:
        return self.status_code is not None and 200 <= self.status_code < 300


class Delivery(BaseModel):
    """One event on its way to one endpoint. `attempt` counts the attempts that were begun.

    `round_start` is what `attempt` was when the present round began: a replay begins a new one,
    with the whole schedule before it again.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    endpoint_id: str
    project_id: str
    event_id: str
    event_type: str
    payload: str
    status: DeliveryStatus
    attempt: int = 0
    round_start: int = 0
    due_at: datetime | None = None
    created_at: datetime
    completed_at: datetime | None = None
    attempts: tuple[Attempt, ...] = ()
