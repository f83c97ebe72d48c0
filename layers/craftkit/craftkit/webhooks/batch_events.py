"""Converts finished batches to webhook events."""

from craftkit.batches.models import Batch
from craftkit.batches.views import view_of
from craftkit.ids import derived_id
from craftkit.webhooks.models import Event

_WITHOUT = {"upload_url", "result_url"}
"""Signed URLs could expire before a retry; receivers poll for new ones."""


def event_of(batch: Batch) -> Event:
    """The event of a batch's end. Its id is derived from batch, attempt and status."""
    ended_at = batch.completed_at or batch.created_at
    return Event(
        id=derived_id(ended_at, batch.id, batch.status, str(batch.attempt)),
        project_id=batch.project_id,
        type=f"batch.{batch.status}",
        timestamp=ended_at,
        data={
            **view_of(batch).model_dump(mode="json", by_alias=True, exclude=_WITHOUT),
            "projectId": batch.project_id,
        },
        mode=batch.mode,
    )
