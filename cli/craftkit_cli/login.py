"""`craftkit login` and `logout`: a key of one project, for commands that call the API."""

import argparse
import os
import platform
import re
import secrets
import sys
import webbrowser
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from craftkit.clock import to_rfc3339
from craftkit.errors import CraftkitError, InvalidRequestError
from craftkit_cli import logins
from craftkit_cli.answers import Answer
from craftkit_cli.federation import exchange
from craftkit_cli.local_stack import LOOPBACK, local_stack
from craftkit_cli.logins import Login
from craftkit_sdk import Craftkit

WAIT_SECONDS = 300
_DONE = (
    b"<!doctype html><meta charset=utf-8><title>Craftkit</title>"
    b"<p>The craftkit command is logged in. You can close this tab."
)


class LoginError(CraftkitError):
    """The login was not finished."""

    code = "login_failed"
    status = 400


def add_commands(commands: Any) -> None:
    login = commands.add_parser(
        "login",
        help="log in to a project, by browser or with an OIDC token; needs no AWS credentials",
    )
    login.add_argument(
        "dashboard",
        nargs="?",
        metavar="URL",
        help="the dashboard, such as https://app.example.com (default: CRAFTKIT_DASHBOARD_URL, "
        "else the stack that `make dev` runs)",
    )
    login.add_argument("--no-browser", action="store_true", help="print the address only")
    login.add_argument(
        "--token",
        metavar="FILE",
        help="exchange an OIDC token for a key of at most 15 minutes instead; - for stdin. Needs "
        "--project, and CRAFTKIT_BASE_URL",
    )
    login.add_argument("--project", metavar="ID")
    login.set_defaults(run=_login, needs_aws=False)
    logout = commands.add_parser("logout", help="forget the key of a project on this machine")
    logout.add_argument("--project", metavar="ID", help="default: the default project")
    logout.set_defaults(run=_logout, needs_aws=False)


def _login(arguments: argparse.Namespace, _operator: str) -> Answer:
    if arguments.token:
        login = _by_token(arguments)
    else:
        login = _by_browser(_dashboard(arguments.dashboard), shows_only=arguments.no_browser)
    logins.add(login)
    return shown(login, is_default=True)


def _logout(arguments: argparse.Namespace, _operator: str) -> Answer:
    login = logins.remove(arguments.project)
    return {
        "projectId": login.project_id,
        "keyId": login.key_id,
        "message": "The key is deleted from this machine. It is valid until it expires or is "
        "revoked in the dashboard.",
    }


def shown(login: Login, *, is_default: bool) -> Answer:
    """A login without its key."""
    return {
        "id": login.project_id,
        "name": login.project_name,
        "mode": login.mode,
        "keyId": login.key_id,
        "apiUrl": login.api_url,
        "expiresAt": login.expires_at,
        "isExpired": login.is_expired,
        "isDefault": is_default,
    }


def _by_token(arguments: argparse.Namespace) -> Login:
    if not arguments.project:
        raise InvalidRequestError("--token needs --project: the project that the token is for.")
    is_stdin = arguments.token in ("", "-")
    text = sys.stdin.read() if is_stdin else Path(arguments.token).read_text(encoding="utf-8")
    answer, api_url = exchange(text.strip(), arguments.project, os.environ)
    expires_at = datetime.now(UTC) + timedelta(seconds=int(answer["expires_in"]))
    with Craftkit(answer["access_token"], base_url=api_url) as client:
        me = client.me()
    return Login(
        project_id=me["projectId"],
        project_name=me["name"],
        mode=me["mode"],
        key=answer["access_token"],
        key_id=me["keyId"],
        api_url=api_url,
        expires_at=to_rfc3339(expires_at),
    )


def _dashboard(given: str | None) -> str:
    """The dashboard's address, ending in /dashboard."""
    url = given or os.environ.get("CRAFTKIT_DASHBOARD_URL")
    if not url:
        stack = local_stack()
        if stack is None:
            raise InvalidRequestError(
                "Give the address of your dashboard: craftkit login https://app.example.com"
            )
        url = str(stack["dashboardUrl"])
    parts = urlsplit(url if "://" in url else f"https://{url}")
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise InvalidRequestError("The dashboard's address must begin with https://.")
    path = parts.path.rstrip("/")
    path = path if path.endswith("/dashboard") else f"{path}/dashboard"
    return f"{parts.scheme}://{parts.netloc}{path}"


def _by_browser(dashboard: str, *, shows_only: bool) -> Login:
    """Wait for the browser on a port of this machine, and exchange its code for the key."""
    state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")
    with _Receiver(state) as receiver:
        query = urlencode(
            {
                "port": receiver.server_port,
                "state": state,
                "challenge": challenge,
                "machine": re.sub(r"[^\w.-]", "-", platform.node())[:80],
            }
        )
        address = f"{dashboard}/connect?{query}"
        print(f"Continue in your browser: {address}", file=sys.stderr, flush=True)
        if not shows_only:
            webbrowser.open(address)
        code = receiver.wait()
    return _exchange(dashboard, code, verifier)


def _exchange(dashboard: str, code: str, verifier: str) -> Login:
    headers = {"x-craftkit-code": code, "x-craftkit-verifier": verifier}
    try:
        answer = httpx.get(f"{dashboard}/connect/key", headers=headers, timeout=30)
        body = answer.json()
    except (httpx.TransportError, ValueError) as error:
        raise LoginError(f"{dashboard} did not answer: {error}") from error
    if answer.status_code != 200:
        raise LoginError(str(body.get("error", {}).get("message", answer.status_code)))
    return Login(
        project_id=body["projectId"],
        project_name=body["projectName"],
        mode=body["mode"],
        key=body["key"],
        key_id=body["keyId"],
        api_url=body["apiUrl"],
        expires_at=body["expiresAt"],
    )


class _Receiver(ThreadingHTTPServer):
    """Takes one code, sent with the state of this login. With threads, because browsers also open
    connections that they do not use."""

    timeout = 0.2

    def __init__(self, state: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = state
        self.code: str | None = None

    def wait(self) -> str:
        """The code.

        Raises:
            LoginError: it did not come within five minutes.
        """
        deadline = datetime.now(UTC) + timedelta(seconds=WAIT_SECONDS)
        while self.code is None:
            if datetime.now(UTC) > deadline:
                raise LoginError("The browser did not finish within 5 minutes. Log in again.")
            self.handle_request()
        return self.code


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, _Receiver)  # noqa: S101 only this server uses the handler
        query = parse_qs(urlsplit(self.path).query)
        state, code = query.get("state", [""])[0], query.get("code", [""])[0]
        if not code or not secrets.compare_digest(state.encode(), self.server.state.encode()):
            self.send_error(400, "This is not the answer to this login.")
            return
        self.server.code = code
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(_DONE)))
        self.end_headers()
        self.wfile.write(_DONE)

    def log_message(self, *_: Any) -> None:
        """Nothing: the request line has the code."""
