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


def first_sent(change: Change) -> Render | None:
    """The render whose document was sent with this change for the first time, well or not."""
    if change.new is None or change.old is None or "delivery" not in change.new:
        return None
    was = repository.render_of(change.old).delivery
    render = repository.render_of(change.new)
    is_first = was is not None and was.attempts == 0
    return render if is_first and render.delivery and render.delivery.attempts else None
