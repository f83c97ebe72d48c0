"""Secrets that are shown once, on the page after the request that created them."""

from collections.abc import Sequence
from typing import Any

from dashboard import flash
from dashboard.request_context import RequestContext
from dashboard.web import Response

PATH = "/shown-once"


def show(
    context: RequestContext,
    title: str,
    secrets: Sequence[tuple[str, str]],
    *,
    back: str,
    samples: Sequence[tuple[str, str]] = (),
) -> Response:
    """Redirect to the page that shows labeled secrets and links back to `back`."""
    content: dict[str, Any] = {"title": title, "secrets": secrets, "samples": samples, "back": back}
    return context.done(PATH, **content)


def shown(context: RequestContext) -> Response:
    if "secrets" not in flash.load(context.request):
        return context.go(context.url())
    return context.page("once.html")
