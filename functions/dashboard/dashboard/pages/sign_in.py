"""In and out, by way of the user pool's hosted page."""

import json
import re
import secrets
from dataclasses import asdict

from craftkit.observability import logger
from craftkit.projects import members
from dashboard import identity, session
from dashboard.cookies import Cookie
from dashboard.identity import Attempt, SignInError
from dashboard.router import route
from dashboard.visit import Visit
from dashboard.web import BASE, Answer, see_other

_LIFETIME_SECONDS = 600

_attempt = Cookie("signing-in", _LIFETIME_SECONDS)

# A path of ours and nothing that a browser could read as another host.
_OURS = re.compile(rf"{BASE}(/[\w./-]*)?(\?[\w.=&%-]*)?", re.ASCII)


@route("GET", "/sign-in", needs="nobody")
def begin(visit: Visit) -> Answer:
    attempt = Attempt.new()
    location = identity.authorize_url(attempt, _callback(visit))
    cookie = _attempt.bake(
        visit.request, {**asdict(attempt), "to": _safe(visit.request.query.get("to", ""))}
    )
    return see_other(location).with_cookies(cookie)


@route("GET", "/signed-in", needs="nobody")
def finish(visit: Visit) -> Answer:
    """Where the hosted page sends the browser back to."""
    query, begun = visit.request.query, _attempt.read(visit.request)
    state = query.get("state", "").encode()
    if begun is None or not secrets.compare_digest(state, begun["state"].encode()):
        return _again(visit, "This sign-in was begun in another window, or too long ago.")
    attempt = Attempt(begun["state"], begun["nonce"], begun["verifier"])
    try:
        person = identity.person_behind(query.get("code", ""), attempt, _callback(visit))
    except SignInError as error:
        logger.warning("sign-in failed", reason=str(error))
        return _again(visit, "The sign-in could not be finished.")
    return see_other(begun["to"]).with_cookies(
        session.begin(visit.request, person), _attempt.eat(visit.request)
    )


@route("GET", "/session", needs="person")
def show_session(visit: Visit) -> Answer:
    """Asked by a page before it sends a form: 401 where the session has ended."""
    assert visit.session  # noqa: S101 the route needs a person
    content = json.dumps({"csrf": visit.session.csrf}).encode()
    return Answer(200, content, content_type="application/json")


@route("GET", "/signed-in-again", needs="person")
def signed_in_again(visit: Visit) -> Answer:
    """The end of a sign-in in a second tab: its script tells the first tab, and closes this one."""
    title, message = "You are signed in", "Go back to the other tab: what you entered is there."
    return visit.page("signed_out.html", title=title, message=message)


@route("POST", "/sign-out", needs="person")
def sign_out(visit: Visit) -> Answer:
    """End this person's sessions, here and at the hosted page, in every browser."""
    members.end_sessions(visit.person)
    location = identity.logout_url(f"{visit.request.origin}{BASE}/signed-out")
    return see_other(location).with_cookies(session.end(visit.request))


@route("GET", "/signed-out", needs="nobody")
def signed_out(visit: Visit) -> Answer:
    return visit.page("signed_out.html", title="You are signed out", message="Until next time.")


def _again(visit: Visit, message: str) -> Answer:
    page = visit.page("signed_out.html", 400, title="Please sign in again", message=message)
    return page.with_cookies(_attempt.eat(visit.request))


def _safe(wanted: str) -> str:
    return wanted if _OURS.fullmatch(wanted) and "//" not in wanted else BASE


def _callback(visit: Visit) -> str:
    return f"{visit.request.origin}{BASE}/signed-in"
