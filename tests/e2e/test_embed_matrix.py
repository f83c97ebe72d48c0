"""The embedded page's authorization matrix: each route by each kind of session, with IAM.

A route of template.yaml without a row fails. A session is a mode with one of the presets.
"""

from collections.abc import Callable
from typing import Any

import pytest

from local.seed import INVOICE
from testkit.embed import session_body
from testkit.stack import RunningStack
from tests.e2e.test_authorization_matrix import DATA, MISSING, read

VIEW, FILL = "view", "fill"
EDITOR, ADMIN = "edit, editor", "edit, admin"
NEW_EDITOR, NEW_ADMIN = "create, editor", "create, admin"
TEST_EDITOR, TEST_NEW = "edit, admin, test key", "create, admin, test key"
SESSIONS: dict[str, dict[str, Any]] = {
    VIEW: {"mode": "view"},
    "view, admin": {"mode": "view", "permissions": "admin"},
    "view, viewer": {"mode": "view", "permissions": "viewer"},
    FILL: {"mode": "fill"},
    "fill, editor": {"mode": "fill", "permissions": "editor"},
    "fill, admin": {"mode": "fill", "permissions": "admin"},
    EDITOR: {"mode": "edit", "permissions": "editor"},
    ADMIN: {"mode": "edit", "permissions": "admin"},
    "edit, only edit": {"mode": "edit", "permissions": ["edit"]},
    NEW_EDITOR: {"mode": "create", "permissions": "editor"},
    NEW_ADMIN: {"mode": "create", "permissions": "admin"},
    TEST_EDITOR: {"mode": "edit", "permissions": "admin", "key": "test"},
    TEST_NEW: {"mode": "create", "permissions": "admin", "key": "test"},
}
"""What each session is opened with; a writing one by a key with the scope embed:edit."""

WRONG_MODE = "403 wrong_mode"
NO_PERMISSION = "403 permission_denied"
NOT_FOUND = "404 not_found"
REVOKED = "401 session_revoked"

REFUSED = {
    "no token": MISSING,
    "an API key": "401 invalid_signature",
    "another stage's session": "401 invalid_signature",
    "a revoked session": REVOKED,
    "a session of a revoked key": REVOKED,
    "a session of a suspended partner": "403 partner_suspended",
    "another origin": "403 origin_not_allowed",
}
"""Callers who are refused on every route that needs a session."""

WRITING = {EDITOR, ADMIN, "edit, only edit", NEW_EDITOR, NEW_ADMIN, TEST_EDITOR, TEST_NEW}
FILLING = {FILL, "fill, editor", "fill, admin"}
VIEWING = {VIEW, "view, admin", "view, viewer"}


def row(*parts: tuple[set[str], str]) -> dict[str, str]:
    """The outcome by session; each session is named once."""
    made = {session: outcome for sessions, outcome in parts for session in sessions}
    assert sum(len(sessions) for sessions, _ in parts) == len(made)
    return made


MATRIX: dict[str, dict[str, str]] = {
    "session": row((set(SESSIONS), "200")),
    "preview": row((FILLING | VIEWING, "200"), (WRITING, WRONG_MODE)),
    "submit": row((FILLING, "201"), (VIEWING | WRITING, WRONG_MODE)),
    # The document of another session is a 404; a session without `view` gets 403.
    "document": row(
        (set(SESSIONS) - {"edit, only edit"}, NOT_FOUND), ({"edit, only edit"}, NO_PERMISSION)
    ),
    "template/preview": row((WRITING, "200"), (FILLING | VIEWING, WRONG_MODE)),
    "template/draft": row((WRITING, "200"), (FILLING | VIEWING, WRONG_MODE)),
    "template/publish": row(
        ({ADMIN, NEW_ADMIN}, "201"),
        (WRITING - {ADMIN, NEW_ADMIN}, NO_PERMISSION),
        (FILLING | VIEWING, WRONG_MODE),
    ),
}
"""Each call below /embed/api that needs a session. Open to everybody: the page, its files, and the
exchange of a partner-signed token, whose signature it verifies."""

OPEN = {"/embed", "/embed/embed.js", "/embed/assets/{name}", "/embed/api/exchange"}


class World:
    """Sessions of every kind. Each edits its own template, to avoid conflicts."""

    def __init__(self, stack: RunningStack, staging: RunningStack) -> None:
        self.stack = stack
        self.project, self.keys = self._partner("Embed matrix")
        self.invoice = self._publish("invoice")
        self.sessions = {name: self._session(name, number) for number, name in enumerate(SESSIONS)}
        self.render_id = self._render_of_another()
        self.refused = self._refused(staging)

    def call(self, name: str, token: str, session: str, **headers: str) -> str:
        sent = {"Authorization": f"Bearer {token}"} if token else {}
        answer = self.stack.call(
            "POST",
            f"/embed/api/{name}",
            key="",
            json=BODIES[name](self, session),
            headers={"Origin": self.stack.embed_url, **sent, **headers},
            at=self.stack.embed_url,
        )
        return read(answer)

    def _session(self, name: str, number: int) -> str:
        how = {"key": "live", **SESSIONS[name]}
        slug = "invoice"
        if how["mode"] == "edit":
            slug = self._publish(f"edited-{number}")
        body = session_body(how["mode"])
        body["scope"] = {"mode": how["mode"]}
        if how["mode"] != "create":
            body["scope"]["templateExternalId"] = slug
        if "permissions" in how:
            body["permissions"] = how["permissions"]
        return self._open(self.keys[how["key"]], body)

    def _open(self, key: str, body: dict[str, Any]) -> str:
        answer = self.stack.call("POST", "/v1/embed/sessions", key=key, json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["session_token"])

    def _partner(self, name: str) -> tuple[str, dict[str, str]]:
        project = self.stack.craftkit("projects", "create", "--empty", "--name", name)["id"]
        self.stack.craftkit("embed", "enable", "--project", project)
        return project, {mode: self._key(project, mode)["key"] for mode in ("live", "test")}

    def _key(self, project: str, mode: str) -> dict[str, Any]:
        made: dict[str, Any] = self.stack.craftkit(
            "keys", "create", "--project", project, "--name", "Matrix", "--mode", mode,
            "--scope", "embed:write", "--scope", "embed:edit", "--scope", "renders:write",
            "--scope", "renders:read",
        )  # fmt: skip
        return made

    def _publish(self, slug: str, project: str | None = None) -> str:
        self.stack.craftkit(
            "templates", "publish", "--project", project or self.project, "--slug", slug,
            "--name", slug.title(), "--manifest", INVOICE / "manifest.json",
            "--source", INVOICE / "source.typ",
        )  # fmt: skip
        return slug

    def _render_of_another(self) -> str:
        made = self.stack.call(
            "POST", "/v1/templates/invoice/render", key=self.keys["live"], json={"data": DATA}
        )
        return str(made.json()["id"])

    def _refused(self, staging: RunningStack) -> dict[str, str]:
        revoked = self._key(self.project, "live")
        ended = self._open(revoked["key"], session_body())
        self.stack.craftkit("keys", "revoke", revoked["id"])
        answer = self.stack.call(
            "POST", "/v1/embed/sessions", key=self.keys["live"], json=session_body()
        ).json()
        path = f"/v1/embed/sessions/{answer['session_id']}"
        assert self.stack.call("DELETE", path, key=self.keys["live"]).status_code == 204
        project, keys = self._partner("Suspended")
        self._publish("invoice", project)
        suspended = self._open(keys["live"], session_body())
        self.stack.craftkit("embed", "suspend", "--project", project)
        foreign = staging.call("POST", "/v1/embed/sessions", json=session_body())
        assert foreign.status_code == 201, foreign.text
        return {
            "no token": "",
            "an API key": self.keys["live"],
            "another stage's session": foreign.json()["session_token"],
            "a revoked session": answer["session_token"],
            "a session of a revoked key": ended,
            "a session of a suspended partner": suspended,
            "another origin": self.sessions[FILL],
        }


def _written(_: World, session: str) -> dict[str, Any]:
    name = f"Written by {session}".replace(",", "")
    manifest = {"variables": [{"key": "to", "label": "To", "dataType": "text"}]}
    source = '#import "/craftkit.typ": *\n= Dear #data.to'
    return {"name": name, "manifest": manifest, "source": source}


BODIES: dict[str, Callable[[World, str], dict[str, Any]]] = {
    "session": lambda *_: {},
    "preview": lambda *_: {"data": DATA},
    "submit": lambda *_: {"data": DATA, "submissionId": "matrix-submission"},
    "document": lambda world, _: {"renderId": world.render_id},
    "template/preview": _written,
    "template/draft": lambda world, session: {**_written(world, session), "revision": 0},
    "template/publish": _written,
}


@pytest.fixture(scope="module")
def world(stack: RunningStack, staging: RunningStack) -> World:
    return World(stack, staging)


@pytest.mark.parametrize("name", MATRIX)
def test_each_session(world: World, name: str) -> None:
    found = {session: world.call(name, token, session) for session, token in world.sessions.items()}
    assert found == MATRIX[name]


@pytest.mark.parametrize("name", MATRIX)
def test_callers_without_a_valid_session(world: World, name: str) -> None:
    elsewhere = {"another origin": {"Origin": world.stack.api_url}}
    found = {
        caller: world.call(name, token, FILL, **elsewhere.get(caller, {}))
        for caller, token in world.refused.items()
    }
    assert found == REFUSED
