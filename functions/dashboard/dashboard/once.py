"""Secrets that are shown once: handed from a deed to the page after it, and to no other."""

from collections.abc import Sequence
from typing import Any

from dashboard import flash
from dashboard.router import route
from dashboard.visit import Visit
from dashboard.web import Answer

PATH = "/shown-once"


def show(
    visit: Visit,
    title: str,
    secrets: Sequence[tuple[str, str]],
    *,
    back: str,
    samples: Sequence[tuple[str, str]] = (),
) -> Answer:
    """Lead on to the page that shows secrets, each under its label, and then back."""
    content: dict[str, Any] = {"title": title, "secrets": secrets, "samples": samples, "back": back}
    return visit.done(PATH, **content)


@route("GET", "/projects/{project}" + PATH, needs="admin")
def shown(visit: Visit) -> Answer:
    if "secrets" not in flash.found(visit.request):
        return visit.go(visit.url())
    return visit.page("once.html")
