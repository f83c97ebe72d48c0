"""Converts ended renders to webhook events."""

from datetime import datetime

from craftkit.ids import derived_id
from craftkit.renders import repository as renders
from craftkit.renders.models import Render
from craftkit.renders.views import unsigned_view_of
from craftkit.webhooks import deliveries, repository
from craftkit.webhooks.dispatch import create_deliveries
from craftkit.webhooks.document_deliveries import create_document_delivery
from craftkit.webhooks.models import Event

_WITHOUT = {"download_url", "download_expires_at"}
"""A signed URL could expire before a retry; receivers poll for a new one."""


def event_of(render: Render) -> Event:
    """The event of a render's end. Its id is derived from render, attempt and status."""
    return Event(
        id=derived_id(render.ended_at, render.id, render.status, str(render.attempt)),
        project_id=render.project_id,
        type=f"render.{render.status}",
        timestamp=render.ended_at,
        data={
            **unsigned_view_of(render).model_dump(mode="json", by_alias=True, exclude=_WITHOUT),
            "projectId": render.project_id,
        },
        mode=render.mode,
    )


def has_event(render: Render) -> bool:
    """Whether the end of the render is an event: not of a document that is erased by now."""
    return render.is_finished and (render.erased_at is None or render.status == "cancelled")


def delete_deliveries(render: Render) -> None:
    """Delete the deliveries of an erased render: their payload has its metadata and names.

    The event of a render that was cancelled by its erasure is left: it holds neither.
    """
    if render.ended_at == render.erased_at:
        return
    event = event_of(render)
    for endpoint in repository.list_endpoints(render.project_id):
        deliveries.delete(endpoint.id, derived_id(event.timestamp, event.id, endpoint.id))
        if render.queued_at is None:
            continue
        # The render was retried after a failure: include the ends of earlier attempts.
        made_since = deliveries.between(endpoint.id, render.created_at, render.ended_at)
        for delivery in made_since:
            if f'"id":"{render.id}"' in delivery.payload:
                deliveries.delete(endpoint.id, delivery.id)


def reconcile(project_id: str, since: datetime, until: datetime) -> int:
    """Create the deliveries of a period that the stream missed. Returns their number."""
    return sum(_create_missing(render) for render in renders.between(project_id, since, until))


def _create_missing(render: Render) -> int:
    created = create_deliveries(event_of(render)) if has_event(render) else 0
    is_waiting = render.status == "succeeded" and render.erased_at is None
    if is_waiting and render.delivery and render.delivery.status == "pending":
        created += create_document_delivery(render) is not None
    return created
