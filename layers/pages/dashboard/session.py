"""The dashboard session: an encrypted cookie that expires after eight hours without a request.

Requests of the user renew it, for at most seven days after the sign-in.
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
_MAX_AGE = timedelta(days=7)

_session = Cookie("session", _LIFETIME_SECONDS)


@dataclass(frozen=True)
class Session:
    """A signed-in user. Each form of the session contains its token `csrf`."""

    user: User
    signed_in_at: datetime
    csrf: str

    def has_sent(self, request: Request) -> bool:
        """Whether a POST comes from a page of this session, by its origin and CSRF token."""
        origin = request.headers.get("origin")
        if origin is not None and origin != request.origin:
            return False
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return False
        sent = request.headers.get("x-csrf-token") or request.form.get("csrf", "")
        return hmac.compare_digest(sent.encode(), self.csrf.encode())


def begin(request: Request, user: User) -> str:
    """The cookie of a new session with a new CSRF token."""
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
    if content is None or utc_now() - from_rfc3339(content["at"]) >= _MAX_AGE:
        return None
    return Session(
        user=User.model_construct(sub=content["sub"], email=content["email"]),
        signed_in_at=from_rfc3339(content["at"]),
        csrf=content["csrf"],
    )


def renewed(request: Request) -> str | None:
    """The renewed cookie of the current session; None if it is less than ten minutes old.

    Requests that a page sends by itself, such as polling the state of a render, do not renew it: an
    open page must not keep its session alive.
    """
    if request.is_fragment and request.method == "GET":
        return None
    content = _session.decode(request)
    if content is None or _session.age_seconds(request) < _RENEWED_AFTER_SECONDS:
        return None
    return _session.encode(request, content)


def end(request: Request) -> str:
    return _session.clear(request)
