"""The dashboard's authorization matrix: each route by each role, on the deployed stack with IAM.

`MATRIX` has the role of each route, `OUTCOMES` the outcome of each caller; a route without a row
fails. Allowed callers send an empty form about resources that do not exist: any response to that,
a page, a redirect or an error, is `in`.
"""

import base64
import hashlib
import json
import re
import secrets
from datetime import timedelta
from html import unescape

import pytest
import requests
from cryptography.fernet import Fernet

from craftkit.clock import to_rfc3339, utc_now
from testkit.stack import RunningStack

SIGN_IN, NO_PROJECT, ROLE, IN = "to the sign-in", "no such project", "not with this role", "in"

CALLERS = ("stranger", "outsider", "invited", "viewer", "admin", "owner")
OUTCOMES: dict[str, dict[str, str]] = {
    "anyone": dict.fromkeys(CALLERS, IN),
    "user": {**dict.fromkeys(CALLERS, IN), "stranger": SIGN_IN},
    "viewer": {
        "stranger": SIGN_IN, "outsider": NO_PROJECT, "invited": NO_PROJECT,
        "viewer": IN, "admin": IN, "owner": IN,
    },
    "admin": {
        "stranger": SIGN_IN, "outsider": NO_PROJECT, "invited": NO_PROJECT,
        "viewer": ROLE, "admin": IN, "owner": IN,
    },
    "owner": {
        "stranger": SIGN_IN, "outsider": NO_PROJECT, "invited": NO_PROJECT,
        "viewer": ROLE, "admin": ROLE, "owner": IN,
    },
}  # fmt: skip
"""What each caller gets on a route for `anyone`, for any signed-in `user`, or for a role."""

MATRIX: dict[str, str] = {
    "GET /sign-in": "anyone",
    "GET /signed-in": "anyone",
    "GET /signed-out": "anyone",
    "GET /static/{digest}/{name}": "anyone",
    "GET /connect/key": "anyone",
    "GET ": "user",
    "GET /connect": "user",
    "GET /projects": "user",
    "POST /projects": "user",
    "POST /invitations/{project_id}": "user",
    "GET /session": "user",
    "GET /signed-in-again": "user",
    "POST /sign-out": "user",
    "GET /projects/{project}/start": "viewer",
    "POST /projects/{project}/start": "admin",
    "GET /projects/{project}/keys": "viewer",
    "GET /projects/{project}/keys/{key}": "viewer",
    "GET /projects/{project}/trust": "viewer",
    "GET /projects/{project}/trust/new": "admin",
    "POST /projects/{project}/trust": "admin",
    "POST /projects/{project}/trust/try": "admin",
    "POST /projects/{project}/trust/{rule}/end": "admin",
    "GET /projects/{project}/audit": "viewer",
    "GET /projects/{project}/embed": "viewer",
    "GET /projects/{project}/embed/origins": "viewer",
    "GET /projects/{project}/embed/keys": "viewer",
    "GET /projects/{project}/embed/catalogs": "viewer",
    "GET /projects/{project}/embed/catalogs/{name}": "viewer",
    "GET /projects/{project}/embed/sessions": "viewer",
    "GET /projects/{project}/hooks": "viewer",
    "GET /projects/{project}": "viewer",
    "GET /projects/{project}/renders": "viewer",
    "GET /projects/{project}/renders/{render}": "viewer",
    "GET /projects/{project}/renders/{render}/state": "viewer",
    "GET /projects/{project}/renders/{render}/pages": "viewer",
    "GET /projects/{project}/renders/{render}/download": "viewer",
    "GET /projects/{project}/batches": "viewer",
    "GET /projects/{project}/batches/{batch}": "viewer",
    "GET /projects/{project}/batches/{batch}/state": "viewer",
    "POST /projects/{project}/batches/{batch}/cancel": "admin",
    "GET /projects/{project}/settings": "viewer",
    "GET /projects/{project}/templates": "viewer",
    "GET /projects/{project}/requests": "viewer",
    "GET /projects/{project}/search": "viewer",
    "GET /projects/{project}/templates/{slug}/versions/{number}": "viewer",
    "GET /projects/{project}/templates/{slug}/diff/pages": "viewer",
    "GET /projects/{project}/templates/new": "viewer",
    "GET /projects/{project}/gallery/{entry}/image": "viewer",
    "GET /projects/{project}/templates/{slug}": "viewer",
    "GET /projects/{project}/templates/{slug}/versions/{number}/{size}.png": "viewer",
    "GET /projects/{project}/templates/{slug}/diff": "viewer",
    "GET /projects/{project}/usage": "viewer",
    "GET /projects/{project}/webhooks": "viewer",
    "GET /projects/{project}/webhooks/{endpoint}": "viewer",
    "GET /projects/{project}/webhooks/{endpoint}/deliveries/{delivery}": "viewer",
    "GET /projects/{project}/webhooks/{endpoint}/deliveries/{delivery}/attempts": "viewer",
    "GET /projects/{project}/shown-once": "admin",
    "POST /projects/{project}/connect": "admin",
    "GET /projects/{project}/connected": "admin",
    "GET /projects/{project}/keys/new": "admin",
    "POST /projects/{project}/keys": "admin",
    "GET /projects/{project}/keys/{key}/created": "admin",
    "POST /projects/{project}/keys/{key}/rotate": "admin",
    "POST /projects/{project}/keys/{key}/end-rotation": "admin",
    "POST /projects/{project}/keys/{key}/restore": "admin",
    "POST /projects/{project}/keys/{key}/name": "admin",
    "POST /projects/{project}/keys/{key}/limits": "admin",
    "POST /projects/{project}/keys/{key}/revoke": "admin",
    "POST /projects/{project}/keys/diagnose": "admin",
    "GET /projects/{project}/templates/{slug}/edit": "admin",
    "POST /projects/{project}/templates/{slug}/preview": "admin",
    "POST /projects/{project}/templates/{slug}/draft": "admin",
    "POST /projects/{project}/templates/{slug}/edit": "admin",
    "GET /projects/{project}/templates/{slug}/draft": "admin",
    "POST /projects/{project}/templates/{slug}/publish": "admin",
    "POST /projects/{project}/templates/{slug}/discard": "admin",
    "POST /projects/{project}/embed/enable": "admin",
    "POST /projects/{project}/embed/disable": "admin",
    "POST /projects/{project}/embed/origins": "admin",
    "POST /projects/{project}/embed/presets": "admin",
    "POST /projects/{project}/embed/keys": "admin",
    "POST /projects/{project}/embed/keys/{key}/revoke": "admin",
    "POST /projects/{project}/embed/catalogs": "admin",
    "POST /projects/{project}/embed/sessions/{session}/revoke": "admin",
    "GET /projects/{project}/embed/sandbox": "admin",
    "POST /projects/{project}/embed/sandbox": "admin",
    "POST /projects/{project}/hooks": "admin",
    "POST /projects/{project}/hooks/{hook}/rotate": "admin",
    "POST /projects/{project}/hooks/{hook}/switch": "admin",
    "POST /projects/{project}/renders/{render}/cancel": "admin",
    "POST /projects/{project}/renders/{render}/retry": "admin",
    "POST /projects/{project}/settings/name": "admin",
    "POST /projects/{project}/settings/exposure": "admin",
    "POST /projects/{project}/settings/anomalies": "admin",
    "POST /projects/{project}/settings/key-policy": "admin",
    "POST /projects/{project}/settings/limits": "admin",
    "POST /projects/{project}/letterheads": "admin",
    "POST /projects/{project}/letterheads/{name}/delete": "admin",
    "POST /projects/{project}/templates": "admin",
    "POST /projects/{project}/templates/{slug}/versions/{number}/restore": "admin",
    "POST /projects/{project}/templates/{slug}/delete": "admin",
    "GET /projects/{project}/webhooks/new": "admin",
    "POST /projects/{project}/webhooks": "admin",
    "GET /projects/{project}/webhooks/{endpoint}/edit": "admin",
    "POST /projects/{project}/webhooks/{endpoint}": "admin",
    "POST /projects/{project}/webhooks/{endpoint}/rotate": "admin",
    "POST /projects/{project}/webhooks/{endpoint}/switch": "admin",
    "POST /projects/{project}/webhooks/{endpoint}/delete": "admin",
    "POST /projects/{project}/webhooks/{endpoint}/send": "admin",
    "POST /projects/{project}/webhooks/{endpoint}/replay": "admin",
    "POST /projects/{project}/webhooks/{endpoint}/deliveries/{delivery}/replay": "admin",
    "POST /projects/{project}/members": "owner",
    "POST /projects/{project}/members/{sub}/role": "owner",
    "POST /projects/{project}/members/{sub}/remove": "owner",
    "POST /projects/{project}/settings/transfer": "owner",
    "POST /projects/{project}/settings/delete": "owner",
}

NOTHING = "019cec2a-0000-7000-8000-00000000abcd"


class World:
    """A project with a member of each role, and their sessions."""

    def __init__(self, stack: RunningStack) -> None:
        self.stack = stack
        self.project = stack.craftkit(
            "projects", "create", "--empty", "--name", "Dashboard matrix"
        )["id"]
        another = stack.craftkit("projects", "create", "--empty", "--name", "Another")["id"]
        run = secrets.token_hex(4)
        self.emails = {name: f"{name}-{run}@craftkit.example" for name in CALLERS[1:]}
        for name, email in self.emails.items():
            self._make_user(email)
            # Everybody has a place somewhere; here only the members do.
            project = self.project if name in ("viewer", "admin", "owner") else another
            role = name if project == self.project else "owner"
            stack.craftkit(
                "projects", "add-member", "--project", project, "--email", email, "--role", role
            )
        form = {"email": self.emails["invited"], "role": "owner"}
        answer = self.send("owner", "POST", f"/projects/{self.project}/members", form)
        assert answer.status_code == 303, answer.text

    def send(
        self, caller: str, method: str, path: str, form: dict[str, str] | None = None
    ) -> requests.Response:
        """A request of a caller's browser, each with a new session, because signing out ends it."""
        csrf = secrets.token_urlsafe(24)
        cookie = {} if caller == "stranger" else {"Cookie": self._cookie(caller, csrf)}
        return requests.request(
            method,
            self.stack.dashboard_url + path,
            data={"csrf": csrf, **(form or {})} if method == "POST" else None,
            headers={**cookie, "Origin": self.stack.api_url} if method == "POST" else cookie,
            timeout=60,
            allow_redirects=False,
        )

    def _cookie(self, caller: str, csrf: str) -> str:
        """A signed-in session, without the hosted page (tests/browser uses that page)."""
        secret = self.stack.client("secretsmanager").get_secret_value(
            SecretId=self.stack.outputs["SessionSecret"]
        )["SecretString"]
        material = f"{self.stack.stage}/session/{secret}".encode()
        key = base64.urlsafe_b64encode(hashlib.sha256(material).digest())
        content = {
            "sub": self._sub(self.emails[caller]),
            "email": self.emails[caller],
            # A later second than the one in which the caller signed out.
            "at": to_rfc3339(utc_now() + timedelta(seconds=1)),
            "csrf": csrf,
        }
        sealed = Fernet(key).encrypt(json.dumps(content).encode()).decode()
        return f"craftkit-{self.stack.stage}-session={sealed}"

    def _make_user(self, email: str) -> None:
        attributes = [
            {"Name": "email", "Value": email},
            {"Name": "email_verified", "Value": "true"},
        ]
        self.stack.client("cognito-idp").admin_create_user(
            UserPoolId=self.stack.outputs["UserPoolId"],
            Username=email,
            MessageAction="SUPPRESS",
            UserAttributes=attributes,
        )

    def _sub(self, email: str) -> str:
        found = self.stack.client("cognito-idp").admin_get_user(
            UserPoolId=self.stack.outputs["UserPoolId"], Username=email
        )
        return next(str(one["Value"]) for one in found["UserAttributes"] if one["Name"] == "sub")


@pytest.fixture(scope="module")
def world(stack: RunningStack) -> World:
    return World(stack)


def path_of(route: str, project: str) -> str:
    """A route's path in a project, with ids of resources that do not exist."""
    path = route.partition(" ")[2]
    path = path.replace("{project}", project).replace("{project_id}", project)
    path = path.replace("{number}", "1").replace("{size}.png", "small.png")
    return re.sub(r"\{\w+\}", NOTHING, path)


def read(answer: requests.Response) -> str:
    assert answer.status_code < 500, answer.text
    text = unescape(answer.text)
    if answer.status_code == 303 and "/dashboard/sign-in" in answer.headers["Location"]:
        return SIGN_IN
    if answer.status_code == 404 and "There is no project of this id." in text:
        return NO_PROJECT
    if answer.status_code == 403 and "Your role in this project" in text:
        return ROLE
    assert answer.status_code != 403, text
    return IN


@pytest.mark.parametrize("route", MATRIX)
def test_each_role(world: World, route: str) -> None:
    method = route.partition(" ")[0]
    path = path_of(route, world.project)
    found = {caller: read(world.send(caller, method, path)) for caller in CALLERS}
    assert found == OUTCOMES[MATRIX[route]]
