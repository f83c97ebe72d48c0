"""Interprets changes of the renders table for the functions on its stream."""

from craftkit.renders import repository
from craftkit.renders.models import Render
from craftkit.streams import Change


def ended(change: Change) -> Render | None:
    """The render that ended with this change, if one did."""
    if change.new is None or "status" not in change.new:
        return None
    render = repository.render_of(change.new)
    was_finished = change.old is not None and repository.render_of(change.old).is_finished
    return render if render.is_finished and not was_finished else None
