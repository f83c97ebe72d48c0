"""What one answer leaves for the very next page: a sentence, or a key to be shown once."""

from typing import Any

from dashboard.cookies import Cookie
from dashboard.web import Request

_LIFETIME_SECONDS = 120

_flash = Cookie("flash", _LIFETIME_SECONDS)


def leave(request: Request, path: str, **content: Any) -> str:
    """The cookie that hands `content` to the page at `path`, and to no other."""
    return _flash.encode(request, {"path": path, **content})


def found(request: Request) -> dict[str, Any]:
    """What was left for this page; empty where nothing was."""
    content = _flash.decode(request)
    return content if content and content["path"] == request.path else {}


def take_away(request: Request) -> str:
    return _flash.clear(request)
