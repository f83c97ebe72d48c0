"""What follows from the end of a render: its event, and its place in the usage.

Both hang on the table's stream, so that neither can be forgotten, and both bear to be told twice.
"""

from datetime import datetime

from craftkit.clock import Clock, utc_now
from craftkit.ids import derived_id
from craftkit.renders import repository
from craftkit.renders.models import Render
from craftkit.renders.service import unsigned_view_of
from craftkit.streams import Change
from craftkit.usage import service as usage
from craftkit.usage.models import Metered
from craftkit.webhooks.dispatch import create_deliveries
from craftkit.webhooks.models import Event

_WITHOUT = {"download_url", "download_expires_at"}
"""A signed URL would be dead when a retry arrives; whoever wants the document polls."""


def ended(change: Change) -> Render | None:
    """The render that came to an end with this change of the table, if one did."""
    if change.new is None or "status" not in change.new:
        return None
    render = repository.render_of(change.new)
    was_finished = change.old is not None and repository.render_of(change.old).is_finished
    return render if render.is_finished and not was_finished else None


def event_of(render: Render) -> Event:
    """The event of a render's end. Its id is drawn from that end: another attempt has another."""
    return Event(
        id=derived_id(_end_of(render), render.id, render.status, str(render.attempt)),
        project_id=render.project_id,
        type=f"render.{render.status}",
        timestamp=_end_of(render),
        data=unsigned_view_of(render).model_dump(mode="json", by_alias=True, exclude=_WITHOUT),
    )


def meter(render: Render, *, clock: Clock = utc_now) -> bool:
    """Count a render that succeeded. False where it did not, or was counted before."""
    if render.status != "succeeded":
        return False
    metered = Metered(
        project_id=render.project_id,
        render_id=render.id,
        day=_end_of(render).date(),
        mode=render.mode,
        key_id=render.key_id,
        template_slug=render.template_slug,
        page_count=render.page_count or 0,
    )
    return usage.count_render(metered, clock=clock)


def reconcile(
    project_id: str, since: datetime, until: datetime, *, clock: Clock = utc_now
) -> tuple[int, int]:
    """Make up for what a stream did not bring: count and tell every end that was not yet.

    Returns:
        How many renders were counted and how many deliveries made, beyond what was there.
    """
    counted = told = 0
    for render in repository.between(project_id, since, until):
        if render.is_finished:
            counted += meter(render, clock=clock)
            told += create_deliveries(event_of(render), clock=clock)
    return counted, told


def _end_of(render: Render) -> datetime:
    return render.completed_at or render.created_at
