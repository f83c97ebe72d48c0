"""Who is signed in: a sealed cookie that ends after eight hours without a request.

Requests of the user renew it, for seven days at most after the sign-in.
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from craftkit.clock import from_rfc3339, to_rfc3339, utc_now
from craftkit.projects.models import User
from dashboard.cookies import Cookie
from dashboard.web import Request

_LIFETIME_SECONDS = 8 * 3600
_RENEWED_AFTER_SECONDS = 600
_LONGEST = timedelta(days=7)

_session = Cookie("session", _LIFETIME_SECONDS)


@dataclass(frozen=True)
class Session:
    """`csrf` is what every form of this session carries, and no other page can know."""

    user: User
    signed_in_at: datetime
    csrf: str

    def vouches_for(self, request: Request) -> bool:
        """Whether a POST comes from one of this session's own pages."""
        origin = request.headers.get("origin")
        if origin is not None and origin != request.origin:
            return False
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return False
        sent = request.headers.get("x-csrf-token") or request.form.get("csrf", "")
        return hmac.compare_digest(sent.encode(), self.csrf.encode())


def begin(request: Request, user: User) -> str:
    """The cookie of a new session; whatever the browser had before is not taken over."""
    return _session.encode(
        request,
        {
            "sub": user.sub,
            "email": user.email,
            "at": to_rfc3339(utc_now()),
            "csrf": secrets.token_urlsafe(24),
        },
    )


def current(request: Request) -> Session | None:
    content = _session.decode(request)
    if content is None or utc_now() - from_rfc3339(content["at"]) >= _LONGEST:
        return None
    return Session(
        user=User.model_construct(sub=content["sub"], email=content["email"]),
        signed_in_at=from_rfc3339(content["at"]),
        csrf=content["csrf"],
    )


def renewed(request: Request) -> str | None:
    """The cookie of the session that `current` found, sealed anew; None where it is young.

    What a page asks for by itself, such as the state of a render, renews nothing: a page that is
    left open must not keep its session for ever.
    """
    if request.is_fragment and request.method == "GET":
        return None
    content = _session.decode(request)
    if content is None or _session.age_seconds(request) < _RENEWED_AFTER_SECONDS:
        return None
    return _session.encode(request, content)


def end(request: Request) -> str:
    return _session.clear(request)
