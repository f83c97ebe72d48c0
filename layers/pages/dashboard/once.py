"""Secrets that are shown once, on the page after the request that created them."""

from collections.abc import Sequence
from typing import Any

from dashboard import flash
from dashboard.request_context import RequestContext
from dashboard.samples import verify_webhook
from dashboard.web import Response

PATH = "/shown-once"


def show(
    context: RequestContext,
    title: str,
    secrets: Sequence[tuple[str, str]],
    *,
    back: str,
    samples: Sequence[tuple[str, str]] = (),
    verifies: bool = False,
) -> Response:
    """Redirect to the page that shows labeled secrets and links back to `back`.

    Args:
        verifies: whether the page shows how webhooks are verified with the secret.
    """
    content: dict[str, Any] = {"title": title, "secrets": secrets, "samples": samples, "back": back}
    return context.done(PATH, verifies=verifies, **content)


def shown(context: RequestContext) -> Response:
    if "secrets" not in flash.load(context.request):
        return context.go(context.url())
    return context.page("once.html", verification=verify_webhook())
