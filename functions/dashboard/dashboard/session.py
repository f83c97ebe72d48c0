"""Who is signed in: a sealed cookie, renewed by nothing, worth eight hours."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime

from craftkit.clock import from_rfc3339, to_rfc3339, utc_now
from craftkit.projects.models import Person
from dashboard.cookies import Cookie
from dashboard.web import Request

_LIFETIME_SECONDS = 8 * 3600

_session = Cookie("session", _LIFETIME_SECONDS)


@dataclass(frozen=True)
class Session:
    """`csrf` is what every form of this session carries, and no other page can know."""

    person: Person
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


def begin(request: Request, person: Person) -> str:
    """The cookie of a new session; whatever the browser had before is not taken over."""
    return _session.bake(
        request,
        {
            "sub": person.sub,
            "email": person.email,
            "at": to_rfc3339(utc_now()),
            "csrf": secrets.token_urlsafe(24),
        },
    )


def current(request: Request) -> Session | None:
    content = _session.read(request)
    if content is None:
        return None
    return Session(
        person=Person.model_construct(sub=content["sub"], email=content["email"]),
        signed_in_at=from_rfc3339(content["at"]),
        csrf=content["csrf"],
    )


def end(request: Request) -> str:
    return _session.eat(request)
