"""Erasing a render everywhere: its row, its document and data, and the webhook deliveries of it."""

from craftkit.errors import NotFoundError
from craftkit.renders import erasure, service
from craftkit.renders.models import Render
from craftkit.renders.service import Visibility
from craftkit.webhooks import document_deliveries, render_events


def delete_render(project_id: str, render_id: str, *, visible: Visibility) -> None:
    """Cancel a render that is not finished, and erase it.

    Raises:
        NotFoundError: the project has none of this id, or none that is visible to the caller.
    """
    render = service.get_render(project_id, render_id, visible=visible)
    if erase(render) is None:
        raise NotFoundError


def erase(render: Render) -> Render | None:
    """Erase a render, or remove again what was stored after it was erased."""
    erased = erasure.erase_render(render)
    if erased is not None:
        render_events.delete_deliveries(erased)
        document_deliveries.delete_document_delivery(erased)
    return erased
