"""Sign-in and sign-out through the user pool's hosted page."""

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
from dashboard.web import BASE, Response, see_other

_LIFETIME_SECONDS = 600

_attempt = Cookie("signing-in", _LIFETIME_SECONDS)

# A path below the dashboard. Browsers read `//host` and `/\host` as another host.
_DASHBOARD_URL = re.compile(rf"{BASE}(/[\w./-]*)?(\?[\w.=&%-]*)?", re.ASCII)


def begin(context: RequestContext) -> Response:
    attempt = Attempt.new()
    location = identity.authorize_url(attempt, _callback(context))
    cookie = _attempt.encode(
        context.request, {**asdict(attempt), "to": _safe(context.request.query.get("to", ""))}
    )
    return see_other(location).with_cookies(cookie)


def finish(context: RequestContext) -> Response:
    """The redirect target of the hosted page: exchanges the code and begins a session."""
    query, begun = context.request.query, _attempt.decode(context.request)
    state = query.get("state", "").encode()
    if begun is None or not secrets.compare_digest(state, begun["state"].encode()):
        return _again(context, "This sign-in was started in another window, or has expired.")
    attempt = Attempt(begun["state"], begun["nonce"], begun["verifier"])
    try:
        user = identity.verified_user(query.get("code", ""), attempt, _callback(context))
    except SignInError as error:
        logger.warning("sign-in failed", reason=str(error))
        return _again(context, "The sign-in failed.")
    return see_other(begun["to"]).with_cookies(
        session.begin(context.request, user), _attempt.clear(context.request)
    )


def show_session(context: RequestContext) -> Response:
    """A page requests this before it sends a form: 401 if the session has ended."""
    assert context.session  # noqa: S101 the route needs a user
    content = json.dumps({"csrf": context.session.csrf}).encode()
    return Response(200, content, content_type="application/json")


def signed_in_again(context: RequestContext) -> Response:
    """The last page of a sign-in in a second tab. Its script notifies the first tab and closes."""
    title, message = "You are signed in", "Go back to the other tab: your entries are still there."
    return context.page("signed_out.html", title=title, message=message)


def sign_out(context: RequestContext) -> Response:
    """End all sessions of the user, in every browser, and the session at the hosted page.

    `Clear-Site-Data` also deletes the unsaved drafts of the editor in this browser. They stay if a
    session only expires, because the user signs in again.
    """
    members.end_sessions(context.user)
    location = identity.logout_url(f"{context.request.origin}{BASE}/signed-out")
    headers = {"Location": location, "Clear-Site-Data": '"storage"'}
    return Response(303, headers=headers).with_cookies(session.end(context.request))


def signed_out(context: RequestContext) -> Response:
    return context.page(
        "signed_out.html", title="You are signed out", message="You can close this tab."
    )


def _again(context: RequestContext, message: str) -> Response:
    page = context.page("signed_out.html", 400, title="Please sign in again", message=message)
    return page.with_cookies(_attempt.clear(context.request))


def _safe(wanted: str) -> str:
    return wanted if _DASHBOARD_URL.fullmatch(wanted) and "//" not in wanted else BASE


def _callback(context: RequestContext) -> str:
    return f"{context.request.origin}{BASE}/signed-in"
