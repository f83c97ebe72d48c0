"""The public page that verifies a document: one HTML file, whose script and style CSP names."""

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path

_FILE = Path(__file__).with_name("verify.html")


@cache
def html() -> str:
    return _FILE.read_text(encoding="utf-8")


@cache
def headers() -> dict[str, str]:
    """The page may run its own script, load nothing, and call the route that it came from."""
    policy = (
        "default-src 'none'",
        f"script-src {_hash_of('script')}",
        f"style-src {_hash_of('style')}",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": "; ".join(policy),
        "Cache-Control": "public, max-age=300",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


def _hash_of(tag: str) -> str:
    found = re.search(rf"<{tag}>(.*?)</{tag}>", html(), re.DOTALL)
    content = found[1] if found else ""
    return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"
