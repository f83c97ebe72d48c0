"""The page that partners embed: its HTML, its headers and its assets.

The page has no inline script or style, loads nothing from other origins but the tenant's images,
and can be framed only by the partner's origins.
"""

import gzip
import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

from craftkit.embed.page.access import PageOpening
from craftkit.embed.partners import service as partners
from craftkit.errors import CraftkitError, MissingAuthorizationError, NotFoundError

_ASSETS = Path(__file__).parent / "assets"
_MODULES = (
    "dom", "icons", "languages", "language", "api", "channel", "theme", "values", "images",
    "fields", "form", "preview", "viewing", "filling", "manifest", "editor", "main",
)  # fmt: skip
"""The page's modules, each after those that it imports."""

_IMPORT = re.compile(r"^import [^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)
_CACHE_FOR_A_YEAR = "public, max-age=31536000, immutable"
_CACHE_FOR_MINUTES = "public, max-age=300"

_HTML = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<meta name="craftkit-frame" content="{frame}">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="embed/assets/page.css?{css}">
<script type="module" src="embed/assets/page.js?{js}"></script>
</head>
<body>
<div id="app">{body}</div>
</body>
</html>
"""
_LOADING = """\
<p class="splash" role="status">Loading…</p>
<noscript>This page needs JavaScript.</noscript>"""
_REFUSED = """\
<main class="notice" role="alert"><h1>This page cannot be opened</h1><p>{reason}</p></main>"""


@dataclass(frozen=True)
class Asset:
    """A file of the page. `tag` is a hash of its content."""

    content: bytes
    media_type: str
    tag: str

    @property
    def compressed(self) -> bytes:
        return _compressed(self.content)


@dataclass(frozen=True)
class Page:
    status: int
    html: str
    headers: dict[str, str]


def page_of(opening: PageOpening) -> Page:
    """The page for a token. If the token is refused, the page shows the reason."""
    refusal = opening.refusal
    partner = opening.partner
    sources = partners.frame_sources(partner) if partner else ()
    html = _HTML.format(
        title=escape(_title(opening)),
        frame=escape(json.dumps(sources)),
        css=asset("page.css").tag,
        js=asset("page.js").tag,
        body=_REFUSED.format(reason=escape(_reason(refusal))) if refusal else _LOADING,
    )
    return Page(refusal.status if refusal else 200, html, _headers(sources, _image_hosts(opening)))


def page_without_token() -> Page:
    """The page for an address without a token."""
    refusal = MissingAuthorizationError("The address has no session_token.")
    return page_of(PageOpening(None, refusal=refusal))


def asset(name: str) -> Asset:
    """A file of the page, or `embed.js`, which partners load.

    Raises:
        NotFoundError: there is no asset of this name.
    """
    found = _assets().get(name)
    if found is None:
        raise NotFoundError("There is no such file.")
    return found


def asset_headers(name: str, found: Asset, *, is_pinned: bool) -> dict[str, str]:
    """The headers of a file. `is_pinned`: its URL has the tag, so the content never changes."""
    return {
        "Content-Type": found.media_type,
        "Content-Encoding": "gzip",
        "Cache-Control": _CACHE_FOR_A_YEAR if is_pinned else _CACHE_FOR_MINUTES,
        "ETag": f'"{found.tag}"',
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
        # Pages of partners load embed.js, and no other file.
        "Cross-Origin-Resource-Policy": "cross-origin" if name == "embed.js" else "same-origin",
    }


def script() -> str:
    """The page's modules as one script. Imports and exports are removed: all share one scope."""
    parts = [(_ASSETS / f"{name}.js").read_text(encoding="utf-8") for name in _MODULES]
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", part)) for part in parts)


@cache
def _assets() -> dict[str, Asset]:
    css = (_ASSETS / "page.css").read_text(encoding="utf-8")
    partner = (_ASSETS / "embed.js").read_text(encoding="utf-8")
    return {
        "page.js": _asset(script(), "text/javascript; charset=utf-8"),
        "page.css": _asset(css, "text/css; charset=utf-8"),
        "embed.js": _asset(partner, "text/javascript; charset=utf-8"),
    }


@cache
def _compressed(content: bytes) -> bytes:
    return gzip.compress(content, 9, mtime=0)


def _asset(text: str, media_type: str) -> Asset:
    content = text.encode()
    return Asset(content, media_type, hashlib.sha256(content).hexdigest()[:16])


def _headers(sources: tuple[str, ...], image_hosts: tuple[str, ...]) -> dict[str, str]:
    policy = (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        " ".join(("img-src 'self' data: blob:", *image_hosts)),
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors " + (" ".join(sources) or "'none'"),
    )
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": "; ".join(policy),
        # The address contains a token, which must not be sent as a referrer.
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }


def _image_hosts(opening: PageOpening) -> tuple[str, ...]:
    """The origins of the tenant's logo and the actor's avatar."""
    if opening.session is None:
        return ()
    request = opening.session.request
    logo = request.tenant.branding.logo_url if request.tenant.branding else None
    parts = [urlsplit(url) for url in (logo, request.actor.avatar_url) if url]
    return tuple(dict.fromkeys(f"{part.scheme}://{part.netloc}" for part in parts))


def _title(opening: PageOpening) -> str:
    if opening.refusal:
        return "This page cannot be opened"
    form_title = opening.session.request.form.title if opening.session else None
    return form_title or "Document"


def _reason(refusal: CraftkitError) -> str:
    return str(refusal) if refusal.status < 500 else "An internal error occurred. Try again."
