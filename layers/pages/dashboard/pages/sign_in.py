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
from dashboard.request_context import RequestContext
from dashboard.router import route
from dashboard.web import BASE, Response, see_other

_LIFETIME_SECONDS = 600

_attempt = Cookie("signing-in", _LIFETIME_SECONDS)

# A path of ours and nothing that a browser could read as another host.
_OURS = re.compile(rf"{BASE}(/[\w./-]*)?(\?[\w.=&%-]*)?", re.ASCII)


@route("GET", "/sign-in", needs="anyone")
def begin(context: RequestContext) -> Response:
    attempt = Attempt.new()
    location = identity.authorize_url(attempt, _callback(context))
    cookie = _attempt.encode(
        context.request, {**asdict(attempt), "to": _safe(context.request.query.get("to", ""))}
    )
    return see_other(location).with_cookies(cookie)


@route("GET", "/signed-in", needs="anyone")
def finish(context: RequestContext) -> Response:
    """Where the hosted page sends the browser back to."""
    query, begun = context.request.query, _attempt.decode(context.request)
    state = query.get("state", "").encode()
    if begun is None or not secrets.compare_digest(state, begun["state"].encode()):
        return _again(context, "This sign-in was begun in another window, or too long ago.")
    attempt = Attempt(begun["state"], begun["nonce"], begun["verifier"])
    try:
        user = identity.verified_user(query.get("code", ""), attempt, _callback(context))
    except SignInError as error:
        logger.warning("sign-in failed", reason=str(error))
        return _again(context, "The sign-in could not be finished.")
    return see_other(begun["to"]).with_cookies(
        session.begin(context.request, user), _attempt.clear(context.request)
    )


@route("GET", "/session", needs="user")
def show_session(context: RequestContext) -> Response:
    """Asked by a page before it sends a form: 401 where the session has ended."""
    assert context.session  # noqa: S101 the route needs a user
    content = json.dumps({"csrf": context.session.csrf}).encode()
    return Response(200, content, content_type="application/json")


@route("GET", "/signed-in-again", needs="user")
def signed_in_again(context: RequestContext) -> Response:
    """The end of a sign-in in a second tab: its script tells the first tab, and closes this one."""
    title, message = "You are signed in", "Go back to the other tab: what you entered is there."
    return context.page("signed_out.html", title=title, message=message)


@route("POST", "/sign-out", needs="user")
def sign_out(context: RequestContext) -> Response:
    """End this user's sessions, here and at the hosted page, in every browser.

    This browser also drops what the editor kept of unsaved drafts. Where a session merely ended,
    they stay: their writer signs in again.
    """
    members.end_sessions(context.user)
    location = identity.logout_url(f"{context.request.origin}{BASE}/signed-out")
    headers = {"Location": location, "Clear-Site-Data": '"storage"'}
    return Response(303, headers=headers).with_cookies(session.end(context.request))


@route("GET", "/signed-out", needs="anyone")
def signed_out(context: RequestContext) -> Response:
    return context.page("signed_out.html", title="You are signed out", message="Until next time.")


def _again(context: RequestContext, message: str) -> Response:
    page = context.page("signed_out.html", 400, title="Please sign in again", message=message)
    return page.with_cookies(_attempt.clear(context.request))


def _safe(wanted: str) -> str:
    return wanted if _OURS.fullmatch(wanted) and "//" not in wanted else BASE


def _callback(context: RequestContext) -> str:
    return f"{context.request.origin}{BASE}/signed-in"
