"""A render as callers see it."""

from datetime import datetime

from craftkit import storage
from craftkit.clock import to_rfc3339
from craftkit.renders import repository
from craftkit.renders.models import Render, RenderDelivery, RenderView


def view_of(render: Render, now: datetime) -> RenderView:
    """The render with a download URL that is signed now, if it has a document."""
    view = unsigned_view_of(render)
    if render.status != "succeeded":
        return view
    url, expires = storage.sign_download(
        render.document_key, filename=render.filename, media_type=render.media_type, now=now
    )
    signed = {"download_url": url, "download_expires_at": to_rfc3339(expires)}
    return view.model_copy(update=signed)


def unsigned_view_of(render: Render) -> RenderView:
    """The same without a download URL."""
    elapsed = render.completed_at - render.created_at if render.completed_at else None
    shared = render.model_dump(include=set(RenderView.model_fields) & set(Render.model_fields))
    return RenderView.model_validate(
        shared
        | {
            "poll_url": f"{render.base_url}/v1/renders/{render.id}",
            "download_url": None,
            "download_expires_at": None,
            "created_at": to_rfc3339(render.created_at),
            "completed_at": to_rfc3339(render.completed_at) if render.completed_at else None,
            "expires_at": to_rfc3339(render.ends_at or repository.expires_at(render.asked_at)),
            "delivery": delivery_of(render),
            "duration_ms": round(elapsed.total_seconds() * 1000) if elapsed else None,
        }
    )


def delivery_of(render: Render) -> RenderDelivery | None:
    """The delivery of the document; `skipped` where the render ended without one."""
    if render.delivery and render.status in ("failed", "cancelled"):
        return render.delivery.model_copy(update={"status": "skipped"})
    return render.delivery
