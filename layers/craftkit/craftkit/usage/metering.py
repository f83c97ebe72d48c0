"""Counts the renders that the renders table's stream says have succeeded."""

from datetime import datetime

from craftkit.clock import Clock, utc_now
from craftkit.renders import repository as renders
from craftkit.renders.changes import ended
from craftkit.renders.models import Render
from craftkit.streams import Change
from craftkit.usage import service
from craftkit.usage.models import Metered


def meter_change(change: Change) -> None:
    """Count the render that succeeded with this change, if one did."""
    if render := ended(change):
        meter(render)


def meter(render: Render, *, clock: Clock = utc_now) -> bool:
    """Count a render that succeeded. False if it did not, or was counted before."""
    if render.status != "succeeded":
        return False
    metered = Metered(
        project_id=render.project_id,
        render_id=render.id,
        day=render.ended_at.date(),
        mode=render.mode,
        key_id=render.key_id,
        template_slug=render.template_slug,
        page_count=render.page_count or 0,
    )
    return service.count_render(metered, clock=clock)


def reconcile(project_id: str, since: datetime, until: datetime, *, clock: Clock = utc_now) -> int:
    """Count the renders of a period that the stream did not bring; how many they were."""
    found = renders.between(project_id, since, until)
    return sum(meter(render, clock=clock) for render in found)
