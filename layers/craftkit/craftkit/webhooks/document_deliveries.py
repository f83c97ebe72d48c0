"""Sends finished documents to the address of `options.deliverTo`, with the schedule of webhooks.

The delivery of a document is a row of the deliveries table like a webhook's; in place of the id of
an endpoint it has `render#<render id>`. It holds neither the address nor headers nor a response.
The outcome is written to the render first: a document that is sent twice is the same object.
"""

import random
from collections.abc import Callable, Mapping

from craftkit import network, storage
from craftkit.clock import utc_now
from craftkit.dynamodb import ConditionFailedError, Item
from craftkit.ids import derived_id
from craftkit.network import Fetched, FetchError, Policy, Upload
from craftkit.observability import log_and_count
from craftkit.renders import delivery_target
from craftkit.renders import repository as renders
from craftkit.renders.models import DeliverTo, Render
from craftkit.webhooks import deliveries, dispatch
from craftkit.webhooks.attempts import LEASE, put_off, time_of_next
from craftkit.webhooks.models import Attempt, Delivery

_OWNER = "render#"

Put = Callable[[str, Policy, str, Upload, Mapping[str, str]], Fetched]
"""The signature of `network.fetch`."""


def is_document(endpoint_id: str) -> bool:
    """Whether a delivery is of a document, and not of an event."""
    return endpoint_id.startswith(_OWNER)


def create_document_delivery(render: Render) -> Delivery | None:
    """Create the delivery of a succeeded render's document, and queue its first attempt.

    Idempotent: None where it exists.
    """
    now = utc_now()
    delivery = Delivery(
        id=_id_of(render),
        endpoint_id=f"{_OWNER}{render.id}",
        project_id=render.project_id,
        event_id=render.id,
        event_type="document",
        payload="",
        status="pending",
        due_at=now + dispatch.GRACE,
        created_at=now,
    )
    return dispatch.start(delivery)


def delete_document_delivery(render: Render) -> None:
    """Delete the delivery of an erased render, if there is one; it is not sent any more."""
    deliveries.delete(f"{_OWNER}{render.id}", _id_of(render))


def deliver_document(
    project_id: str,
    endpoint_id: str,
    delivery_id: str,
    attempt: int,
    *,
    put: Put | None = None,
    chance: Callable[[], float] = random.random,
) -> Delivery | None:
    """Make the attempt with this number. Returns as `deliver_webhook` does."""
    held = deliveries.claim(endpoint_id, delivery_id, attempt, utc_now() + LEASE)
    if held is None:
        return None
    row = renders.get_item(project_id, endpoint_id.removeprefix(_OWNER))
    render = renders.render_of(row) if row else None
    target = delivery_target.target_of(row) if row else None
    if render is None or target is None or not render.is_kept_at(utc_now()):
        return deliveries.finish(held, "skipped", utc_now(), None)
    made, retry_after = _attempt(held, render, target, put or network.fetch)
    outcome = {"outcome": "delivered" if made.is_success else "failed"}
    log_and_count("document sent", "DocumentSent", outcome, duration_ms=made.duration_ms)
    now = utc_now()
    if made.is_success:
        _note(render, "delivered", held.attempt, None)
        return deliveries.finish(held, "delivered", now, made)
    next_at = time_of_next(held, made, retry_after, now, chance())
    _note(render, "pending" if next_at else "failed", held.attempt, made.error)
    return put_off(held, made, next_at, now)


def note_given_up(delivery: Delivery) -> None:
    """Write to the render of a document that no attempt is left: the last one was not finished."""
    if not is_document(delivery.endpoint_id):
        return
    render = renders.get(delivery.project_id, delivery.event_id)
    if render is not None:
        error = "the last attempt was not finished"
        _note(render, "failed", delivery.attempt, error)


def _attempt(
    held: Delivery, render: Render, target: DeliverTo, put: Put
) -> tuple[Attempt, str | None]:
    """The attempt, and the response's `Retry-After`. Nothing of the response's body is kept."""
    started = utc_now()
    made = Attempt(number=held.attempt, at=started, duration_ms=0)
    size_bytes, parts = storage.read_in_parts(render.document_key)
    headers = {"content-type": render.media_type}
    headers |= {name.lower(): value for name, value in target.headers.items()}
    upload = Upload(size_bytes, parts)
    try:
        answer = put(target.url, delivery_target.policy(), "PUT", upload, headers)
    except FetchError as error:
        elapsed = utc_now() - started
        failed = {"error": str(error), "duration_ms": round(elapsed.total_seconds() * 1000)}
        return made.model_copy(update=failed), None
    is_success = 200 <= answer.status < 300
    outcome = {
        "status_code": answer.status,
        "duration_ms": answer.elapsed_ms,
        "error": None if is_success else f"answered {answer.status}",
    }
    return made.model_copy(update=outcome), answer.headers.get("retry-after")


def _note(render: Render, status: str, attempts: int, error: str | None) -> None:
    """Write the state to the render's row. The target is removed with the end of the delivery."""
    delivery: Item = {"status": status, "attempts": attempts}
    if error:
        delivery["last_error"] = error
    try:
        renders.update(
            render.project_id,
            render.id,
            set_={"delivery": delivery},
            remove=() if status == "pending" else ("deliver_to",),
            condition="#status = :succeeded AND attribute_not_exists(erased_at)",
            values={":succeeded": "succeeded"},
        )
    except ConditionFailedError:
        return


def _id_of(render: Render) -> str:
    return derived_id(render.ended_at, render.id, "document", str(render.attempt))
