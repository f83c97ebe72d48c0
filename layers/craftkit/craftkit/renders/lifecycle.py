"""The states of a render, and the transitions between them.

    queued ──► rendering ──► succeeded
      │ ▲          │    └───► failed ──► queued (asked for again)
      │ └──────────┘ a worker gave up or died; the attempt is counted
      └──► cancelled

Each change is one conditional write: of two concurrent changes, one succeeds.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from craftkit import dynamodb
from craftkit.clock import from_rfc3339, to_rfc3339
from craftkit.dynamodb import ConditionFailedError
from craftkit.renders import input_keys, repository
from craftkit.renders.models import Render
from craftkit.renders.repository import Due

ATTEMPTS = 3
"""How often a render is started before it fails."""

LEASE = timedelta(seconds=75)
"""How long one worker may hold a render: longer than the worker's own time-out."""

FIRST_CHECK = timedelta(minutes=3)
"""How long after a render is queued the requeuer first checks it. Nearly all have ended by then."""

QUEUED_PATIENCE = timedelta(minutes=15)
"""How long a render may wait in its queue before the requeuer puts it there again."""

WORKER_FAILED = "worker_failed"
GIVEN_UP = "The render was begun several times and never finished. Send the request again."
NEVER_BEGUN = "No worker could begin the render within a day. Send the request again."

GIVE_UP_AFTER = timedelta(hours=24)
"""A render that was requested this long ago and has not ended is ended as failed."""

CHECK_AFTER_LEASE = timedelta(seconds=15)


def first_check_at(render: Render) -> datetime:
    """When the requeuer first checks a new render."""
    return render.created_at + FIRST_CHECK


@dataclass(frozen=True)
class Claim:
    """The exclusive right of one worker to finish a render, until its lease ends."""

    render: Render
    lease_until: str
    item: dynamodb.Item


class BusyError(Exception):
    """Another worker holds the render, and its lease has not run out."""

    def __init__(self, remaining: timedelta = LEASE) -> None:
        super().__init__(f"another worker holds the render for {remaining.total_seconds():.0f} s")
        self.remaining = remaining


class GoneError(Exception):
    """The render is finished, cancelled or no longer stored."""


class AttemptsExhaustedError(Exception):
    """The last permitted attempt was started and not finished."""

    def __init__(self, render: Render) -> None:
        super().__init__(f"render {render.id} was begun {render.attempt} times")
        self.render = render


def claim(project_id: str, render_id: str, now: datetime) -> Claim:
    """Claim a queued render, or one whose worker's lease has expired.

    Raises:
        BusyError, GoneError, AttemptsExhaustedError: the render cannot be claimed.
    """
    item = _take(project_id, render_id, now, "#status = :queued", {":queued": "queued"})
    if isinstance(item, Claim):
        return item
    if item is None or item["status"] != "rendering":
        raise GoneError
    if item["lease_until"] > to_rfc3339(now):
        raise BusyError(from_rfc3339(item["lease_until"]) - now)
    render = repository.render_of(item)
    if render.attempt >= render.attempt_limit:
        raise AttemptsExhaustedError(render)
    # The lease of the earlier worker has expired: this is the next attempt.
    condition = "#status = :rendering AND lease_until = :old"
    values = {":rendering": "rendering", ":old": item["lease_until"]}
    taken = _take(project_id, render_id, now, condition, values, next_attempt=True)
    if isinstance(taken, Claim):
        return taken
    raise BusyError


def _take(
    project_id: str,
    render_id: str,
    now: datetime,
    condition: str,
    values: dict[str, Any],
    *,
    next_attempt: bool = False,
) -> Claim | dynamodb.Item | None:
    """A claim, or the item that did not meet the condition."""
    lease_until = to_rfc3339(now + LEASE)
    try:
        item = repository.update(
            project_id,
            render_id,
            # The time of the next check stays: to move it would cost two writes of the index.
            set_={"status": "rendering", "lease_until": lease_until},
            add={"attempt": 1} if next_attempt else {},
            condition=condition,
            values=values,
        )
    except ConditionFailedError as error:
        return error.items[0]
    return Claim(repository.render_of(item), lease_until, item)


def succeed(
    held: Claim,
    *,
    now: datetime,
    page_count: int,
    size_bytes: int,
    sha256: str,
    warnings: tuple[str, ...],
    unsealed_sha256: str | None = None,
    filename: str | None = None,
    media_type: str | None = None,
) -> Render:
    """Mark the render as succeeded, after its document was stored.

    Raises:
        GoneError: the lease was lost, and another worker ends the render.
    """
    outcome: dict[str, Any] = {
        "page_count": page_count,
        "size_bytes": size_bytes,
        "sha256": sha256,
        "warnings": list(warnings),
    }
    if unsealed_sha256:
        outcome["unsealed_sha256"] = unsealed_sha256
    if filename and media_type:
        outcome |= {"filename": filename, "media_type": media_type}
    return _end(held, {"status": "succeeded", "completed_at": to_rfc3339(now), **outcome})


def fail(held: Claim, *, now: datetime, code: str, message: str) -> Render:
    """Mark the render as failed, because further attempts would fail too. Raises as `succeed`."""
    outcome = {"error_code": code, "error_message": message}
    return _end(held, {"status": "failed", "completed_at": to_rfc3339(now), **outcome})


def _end(held: Claim, outcome: dict[str, Any]) -> Render:
    render = held.render
    due, removed = repository.leaving_index(render)
    try:
        item = repository.update(
            render.project_id,
            render.id,
            set_={**outcome, **due},
            remove=("lease_until", *removed),
            condition="#status = :rendering AND lease_until = :held",
            values={":rendering": "rendering", ":held": held.lease_until},
        )
    except ConditionFailedError as error:
        raise GoneError from error
    return repository.render_of(item)


def release(held: Claim, now: datetime) -> None:
    """Release a claim after a transient fault. The next claim starts a new attempt.

    Only the lease is ended; the state stays, so that attempts are counted in one place.
    """
    try:
        repository.update(
            held.render.project_id,
            held.render.id,
            set_={"lease_until": to_rfc3339(now)},
            condition="#status = :rendering AND lease_until = :held",
            values={":rendering": "rendering", ":held": held.lease_until},
        )
    except ConditionFailedError as error:
        raise GoneError from error


def is_overdue(render: Render, now: datetime) -> bool:
    """Whether a render without a worker must be ended: no attempt or no time is left.

    A queued render has an attempt left, however often its message was received: no worker has
    started that attempt.
    """
    exhausted = render.status == "rendering" and render.attempt >= render.attempt_limit
    return exhausted or now - render.asked_at > GIVE_UP_AFTER


def give_up(render: Render, *, now: datetime, code: str, message: str) -> Render | None:
    """Fail a render that no worker holds. None if its state has changed."""
    due, removed = repository.leaving_index(render)
    try:
        item = repository.update(
            render.project_id,
            render.id,
            set_={
                **due,
                "status": "failed",
                "completed_at": to_rfc3339(now),
                "error_code": code,
                "error_message": message,
            },
            remove=("lease_until", *removed),
            condition=(
                "#status = :status AND attempt = :attempt "
                "AND (attribute_not_exists(lease_until) OR lease_until <= :now)"
            ),
            values={
                ":status": render.status,
                ":attempt": render.attempt,
                ":now": to_rfc3339(now),
            },
        )
    except ConditionFailedError:
        return None
    return repository.render_of(item)


def end_overdue(render: Render, now: datetime) -> Render | None:
    """End what `is_overdue`, with a message that says which. None as in `give_up`."""
    message = GIVEN_UP if render.status == "rendering" else NEVER_BEGUN
    return give_up(render, now=now, code=WORKER_FAILED, message=message)


def cancel(render: Render, now: datetime) -> Render | None:
    """Cancel a queued render. None if it is no longer queued, or does not exist."""
    due, removed = repository.leaving_index(render)
    try:
        item = repository.update(
            render.project_id,
            render.id,
            set_={"status": "cancelled", "completed_at": to_rfc3339(now), **due},
            remove=removed,
            condition="#status = :queued",
            values={":queued": "queued"},
        )
    except ConditionFailedError:
        return None
    return repository.render_of(item)


def retry(render: Render, now: datetime) -> Render | None:
    """Queue a failed render again, as its next attempt. None if it was retried already."""
    try:
        item = repository.update(
            render.project_id,
            render.id,
            set_={
                "status": "queued",
                "attempt": render.attempt + 1,
                "attempt_limit": render.attempt + ATTEMPTS,
                "queued_at": to_rfc3339(now),
                "expires_at": repository.expiry(now),
                **repository.unfinished_fields(render.id, now + FIRST_CHECK),
            },
            remove=("completed_at", "error_code", "error_message"),
            condition="#status = :failed AND attempt = :attempt",
            values={":failed": "failed", ":attempt": render.attempt},
        )
    except ConditionFailedError:
        return None
    input_keys.extend(render.project_id, render.id, int(item["expires_at"]))
    if "input_item" in item:
        repository.extend_input(render.project_id, render.id, int(item["expires_at"]))
    return repository.render_of(item)


def postpone(due: Due, until: datetime) -> bool:
    """Move the time of the requeuer's next check. False if the render's state has changed."""
    try:
        repository.update(
            due.project_id,
            due.render_id,
            set_={"due_at": to_rfc3339(until)},
            condition="attribute_exists(#status) AND due_at = :due",
            values={":due": due.due_at},
        )
    except ConditionFailedError:
        return False
    return True
