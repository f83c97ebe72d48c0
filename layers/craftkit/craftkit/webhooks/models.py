"""Models of events, webhook endpoints and deliveries."""

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
    "batch.completed",
    "batch.refused",
    "key.created",
    "key.revoked",
    "key.expiring",
    "key.exposed",
    "key.anomalous",
    "limit.warning",
    "embed.session.created",
    "form.submitted",
]
EVENT_TYPES: tuple[str, ...] = get_args(EventType)
PING = "ping"
"""Sent only on request, to endpoints with any filter."""

ENDPOINT_LIMIT = 20
"""Maximum endpoints of one project: each adds a row for every event."""

Url = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
DeliveryStatus = Literal["pending", "sending", "delivered", "failed", "skipped"]


@dataclass(frozen=True)
class Event:
    """An event. Its id is the `webhook-id` header of every attempt to deliver it.

    `data` is JSON and holds no secret. `mode` is set for events of renders only.
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
        content = {"type": self.type, "timestamp": to_rfc3339(self.timestamp), "data": self.data}
        return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


class SealedSecret(BaseModel):
    """A signing secret as it is stored, encrypted. A replaced secret has `expires_at`."""

    model_config = ConfigDict(frozen=True)

    sealed: bytes = Field(repr=False)
    created_at: datetime
    expires_at: datetime | None = None


class Endpoint(BaseModel):
    """A URL that receives a project's events. Empty `events` means all event types.

    `mode` filters events of renders by the mode of their key; None means both.

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
        """Whether the event matches the filter and is not older than the endpoint."""
        is_wanted = not self.events or event.type in self.events
        is_of_mode = self.mode is None or event.mode in (None, self.mode)
        return is_wanted and is_of_mode and event.timestamp >= self.created_at

    def living_secrets(self, now: datetime) -> list[SealedSecret]:
        return [each for each in self.secrets if each.expires_at is None or each.expires_at > now]


class NewEndpoint(BaseModel):
    """A request to create or change an endpoint."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: Url
    events: tuple[str, ...] = ()
    mode: Mode | None = None

    @field_validator("events")
    @classmethod
    def _known(cls, events: tuple[str, ...]) -> tuple[str, ...]:
        if any(event not in EVENT_TYPES for event in events):
            raise ValueError(f"Each event must be one of {', '.join(EVENT_TYPES)}.")
        return tuple(event for event in EVENT_TYPES if event in events)


class MadeEndpoint(BaseModel):
    """An endpoint with its secret in cleartext, returned only on creation and rotation."""

    endpoint: Endpoint
    secret: str = Field(repr=False)


class Attempt(BaseModel):
    """One delivery attempt and its result. `response` is the first 4 KiB of the response body."""

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
    """The delivery of one event to one endpoint. `attempt` counts the attempts that were started.

    `round_start` is the value of `attempt` when the current round started. A replay starts a new
    round with the whole schedule.
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
