"""Data for the next page after a redirect: a message, or a secret that is shown once."""

from typing import Any

from dashboard.cookies import Cookie
from dashboard.web import Request

_LIFETIME_SECONDS = 120

_flash = Cookie("flash", _LIFETIME_SECONDS)


def store(request: Request, path: str, **content: Any) -> str:
    """The cookie that passes `content` to the page at `path` only."""
    return _flash.encode(request, {"path": path, **content})


def load(request: Request) -> dict[str, Any]:
    """The content that was stored for this page; empty if there is none."""
    content = _flash.decode(request)
    return content if content and content["path"] == request.path else {}


def clear(request: Request) -> str:
    return _flash.clear(request)
