"""Secrets that are shown once: handed from a deed to the page after it, and to no other."""

from collections.abc import Sequence
from typing import Any

from dashboard import flash
from dashboard.request_context import RequestContext
from dashboard.router import route
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
    """Lead on to the page that shows secrets, each under its label, and then back."""
    content: dict[str, Any] = {"title": title, "secrets": secrets, "samples": samples, "back": back}
    return context.done(PATH, **content)


@route("GET", "/projects/{project}" + PATH, needs="admin")
def shown(context: RequestContext) -> Response:
    if "secrets" not in flash.found(context.request):
        return context.go(context.url())
    return context.page("once.html")
