"""The authorization matrix: every route by every kind of caller, with IAM enabled.

`MATRIX` holds the expected outcome of each route; a route without a row fails. A cell is an HTTP
status with its error code, or the status alone. Each call that could change a resource gets a new
one, created with the project's live key.
"""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import requests

from craftkit.auth.principal import REQUESTS_READ, SCOPES
from local.seed import INVOICE
from testkit.embed import session_body
from testkit.issuer import Issuer, served_issuer
from testkit.prover import Prover
from testkit.stack import RunningStack

DATA = {
    "customer": {"name": "Ada"},
    "items": [{"name": "Notes", "qty": 1, "price": "42"}],
    "total": 42,
}
BATCH = {"templateSlug": "invoice", "items": [{"data": DATA}], "options": {"invoice": False}}
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
CATALOG = {
    "namespaces": [
        {
            "key": "customer",
            "label": "Customer",
            "fields": [{"key": "name", "label": "Name", "dataType": "text"}],
        }
    ]
}

MISSING = "401 missing_authorization"
INVALID = "401 invalid_credentials"
NO_SCOPE = "403 insufficient_scope"
NOT_FOUND = "404 not_found"
NO_TEMPLATE = "404 template_not_found"
SUSPENDED = "403 partner_suspended"

REFUSED_CALLERS = {
    "no header": MISSING,
    "basic": MISSING,
    "not a key": INVALID,
    "another stage": INVALID,
    "revoked": INVALID,
    "expired": INVALID,
    "publishable key": INVALID,
    "embed session": INVALID,
    "bound, as Bearer": INVALID,
    "bound, without a proof": INVALID,
    "bound, with another's proof": INVALID,
    "bound, with a proof for another route": INVALID,
    "another network": "403 network_not_allowed",
}
"""Callers that the authorizer refuses on every route that needs a key."""


@dataclass(frozen=True)
class Row:
    """The outcome of one route by caller.

    Args:
        scope: what the key needs; None where the route is public.
        live: the outcome for the project's live key, which created the resource.
        test: for the project's test key.
        other: for a live key of another project.
        confined: for a live key that is restricted to another template.
        suspended: for a key of a project whose embed partnership is suspended.
        federated: for a token of an OIDC exchange, whose only scope is templates:write.
    """

    scope: str | None
    live: str
    test: str = ""
    other: str = ""
    confined: str = ""
    suspended: str = ""
    federated: str = NO_SCOPE


def _public(outcome: str) -> Row:
    return Row(None, outcome)


ANY_KEY = "any key"
"""Instead of a scope: the route accepts every key."""

MATRIX: dict[str, Row] = {
    "POST /v1/templates/{slug}/render": Row(
        "renders:write", "202", "202", NO_TEMPLATE, NO_SCOPE, NO_TEMPLATE
    ),
    "GET /v1/renders": Row("renders:read", "200", "200", "200", "200", "200"),
    "GET /v1/renders/{id}": Row("renders:read", "200", NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND),
    "GET /v1/renders/{id}/download": Row(
        "renders:read", "302", NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND
    ),
    "GET /v1/renders/{id}/invoice.xml": Row(
        "renders:read", NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND
    ),
    "POST /v1/verify": Row("renders:read", *("400 unreadable_document",) * 5),
    "POST /v1/invoices/validate": Row("renders:read", *("400 invalid_invoice",) * 5),
    "DELETE /v1/renders/{id}": Row(
        "renders:write", "204", NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND
    ),
    "POST /v1/renders/{id}/cancel": Row(
        "renders:write", "409 not_cancellable", NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND
    ),
    "POST /v1/batches": Row("renders:write", "202", "202", NO_TEMPLATE, NO_SCOPE, NO_TEMPLATE),
    "GET /v1/batches": Row("renders:read", "200", "200", "200", "200", "200"),
    "GET /v1/batches/{id}": Row("renders:read", "200", NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND),
    "GET /v1/batches/{id}/items": Row(
        "renders:read", "200", NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND
    ),
    "POST /v1/batches/{id}/start": Row(
        "renders:write", "409 conflict", NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND
    ),
    "POST /v1/batches/{id}/cancel": Row(
        "renders:write", "409 not_cancellable", NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND
    ),
    "POST /v1/batches/{id}/retry": Row(
        "renders:write", "409 conflict", NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND
    ),
    "GET /v1/templates": Row("templates:read", "200", "200", "200", "200", "200"),
    "GET /v1/templates/{slug}": Row(
        "templates:read", "200", "200", NO_TEMPLATE, NO_SCOPE, NO_TEMPLATE
    ),
    "GET /v1/templates/{slug}/versions": Row(
        "templates:read", "200", "200", NO_TEMPLATE, NO_SCOPE, NO_TEMPLATE
    ),
    "POST /v1/templates/{slug}/versions": Row(
        "templates:write", NO_SCOPE, NO_SCOPE, NO_SCOPE, NO_SCOPE, NO_SCOPE, "201"
    ),
    "GET /v1/templates/{slug}/versions/{number}": Row(
        "templates:read", "200", "200", NO_TEMPLATE, NO_SCOPE, NO_TEMPLATE
    ),
    "POST /v1/templates/{slug}/versions/{number}/publish": Row(
        "templates:write", NO_SCOPE, NO_SCOPE, NO_SCOPE, NO_SCOPE, NO_SCOPE, "200"
    ),
    "GET /v1/me": Row(ANY_KEY, "200", "200", "200", "200", "200", "200"),
    "POST /v1/mcp": Row(ANY_KEY, "200", "200", "200", "200", "200", "200"),
    "GET /v1/requests": Row("requests:read", *[NO_SCOPE] * 5),
    "GET /v1/usage": Row("renders:read", "200", "200", "200", "200", "200"),
    "POST /v1/embed/sessions": Row("embed:write", "201", "201", INVALID, NO_SCOPE, SUSPENDED),
    "POST /v1/embed/sessions/refresh": Row(
        "embed:write",
        "200",
        "401 refresh_failed",
        INVALID,
        "401 refresh_failed",
        SUSPENDED,
    ),
    "DELETE /v1/embed/sessions/{id}": Row(
        "embed:write", "204", NOT_FOUND, INVALID, NOT_FOUND, SUSPENDED
    ),
    "POST /v1/embed/catalogs": Row("embed:write", "201", "201", INVALID, NO_SCOPE, SUSPENDED),
    "GET /v1/embed/catalogs": Row("embed:write", "200", "200", INVALID, "200", SUSPENDED),
    "GET /v1/embed/catalogs/{name}": Row("embed:write", "200", "200", INVALID, "200", SUSPENDED),
    "POST /v1/hooks/{token}": _public("202"),
    "POST /v1/hooks": _public("404 invalid_token"),
    "POST /v1/oauth/token": _public("400"),
    "POST /v1/exposed-keys": _public("401 invalid_signature"),
    "GET /.well-known/jwks.json": _public("200"),
    "GET /health": _public("200"),
    "GET /verify": _public("200"),
    "POST /verify": _public("400 unreadable_document"),
    "GET /v1/openapi.json": _public("200"),
}


class World:
    """The stack's demo project with one resource of each kind, and the callers."""

    def __init__(
        self, stack: RunningStack, staging: RunningStack, issuer: Issuer, folder: Path
    ) -> None:
        self.stack, self.staging, self.issuer = stack, staging, issuer
        self.id = stack.project_id
        stack.craftkit(
            "templates", "publish", "--project", self.id, "--slug", "matrix", "--name", "Matrix",
            "--manifest", INVOICE / "manifest.json", "--source", INVOICE / "source.typ",
        )  # fmt: skip
        stack.call("POST", "/v1/embed/catalogs", json={"name": "matrix", "catalog": CATALOG})
        self.hook = stack.craftkit(
            "hooks", "create", "--project", self.id, "--slug", "invoice", "--key", self.live["id"]
        )
        other = stack.craftkit("projects", "create", "--empty", "--name", "Other")["id"]
        self.suspended_project = stack.craftkit("projects", "create", "--empty", "--name", "Gone")[
            "id"
        ]
        stack.craftkit("embed", "enable", "--project", self.suspended_project)
        stack.craftkit("embed", "suspend", "--project", self.suspended_project)
        self.callers: dict[str, str] = {
            "live": self.live["key"],
            "test": self._key("test"),
            "other": self._key("live", project=other),
            "confined": self._key("live", "--template", "another"),
            "suspended": self._key("live", project=self.suspended_project),
            **{scope: self._key("live", "--scope", scope) for scope in SCOPES},
        }
        self.prover = Prover()
        jwk = folder / "public.jwk"
        jwk.write_text(json.dumps(self.prover.public), encoding="utf-8")
        self.bound = self._key("live", "--bind", str(jwk))
        self._trust()

    @cached_property
    def live(self) -> dict[str, Any]:
        return self._make_key("live")

    def headers(self, caller: str, method: str, path: str) -> dict[str, str]:
        """The headers of a caller with a valid key."""
        if caller == "federated":
            return bearer(self._federated())
        if caller == "bound, with a proof":
            return self._proved(self.prover, method, path)
        return bearer(self.callers[caller])

    def refused_headers(self, caller: str, method: str, path: str) -> dict[str, str]:
        """The headers of a caller that the authorizer denies."""
        if caller == "bound, with another's proof":
            return self._proved(Prover(), method, path)
        if caller == "bound, with a proof for another route":
            return self._proved(self.prover, method, "/v1/another")
        return self._refused[caller]

    def _proved(self, prover: Prover, method: str, path: str) -> dict[str, str]:
        proof = prover.prove(method, self.stack.api_url + path, self.bound)
        return {"Authorization": f"DPoP {self.bound}", "DPoP": proof}

    def _trust(self) -> None:
        self.stack.craftkit(
            "trust", "create", "--project", self.id, "--name", "Matrix",
            "--issuer", self.issuer.url, "--audience", "craftkit",
            "--subject", "repo:acme/web:ref:refs/heads/main",
            "--claim", "repository_owner_id=42", "--mode", "live", "--scope", "templates:write",
        )  # fmt: skip

    def _federated(self) -> str:
        """A new token for each call, because it expires after 15 minutes."""
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "subject_token": self.issuer.sign("RS256", aud="craftkit"),
            "audience": self.id,
        }
        answer = requests.post(f"{self.stack.api_url}/v1/oauth/token", data=form, timeout=60)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    @cached_property
    def _refused(self) -> dict[str, dict[str, str]]:
        revoked, expired = self._make_key("live"), self._make_key("live")
        self.stack.craftkit("keys", "revoke", revoked["id"])
        self._expire(expired["id"])
        pair = self.stack.craftkit("embed", "keys", "create", "--project", self.id)
        basic = base64.b64encode(f"{self.live['key']}:".encode()).decode()
        tokens = {
            "not a key": "ck_live_x",
            "another stage": self.staging.live_key,
            "revoked": revoked["key"],
            "expired": expired["key"],
            "publishable key": pair["publishableKey"],
            "embed session": self.session()["session_token"],
            "bound, as Bearer": self.bound,
            "another network": self._key("live", "--network", "203.0.113.0/24"),
        }
        return {
            "no header": {},
            "basic": {"Authorization": f"Basic {basic}"},
            "bound, without a proof": {"Authorization": f"DPoP {self.bound}"},
            **{name: {"Authorization": f"Bearer {token}"} for name, token in tokens.items()},
        }

    def session(self) -> dict[str, Any]:
        made = self.stack.call(
            "POST", "/v1/embed/sessions", key=self.live["key"], json=session_body()
        )
        assert made.status_code == 201, made.text
        return dict(made.json())

    @cached_property
    def render_id(self) -> str:
        """A live render that has ended."""
        return self.new_render()

    def new_render(self) -> str:
        """A live render of its own, which has ended."""
        body = {"data": DATA, "options": {"sync": True}}
        made = self.stack.call(
            "POST", "/v1/templates/invoice/render", key=self.live["key"], json=body
        ).json()
        assert self.stack.finished(made["id"], key=self.live["key"])["status"] == "succeeded"
        return str(made["id"])

    @cached_property
    def batch_id(self) -> str:
        """A live batch that is completed."""
        made = self.stack.call("POST", "/v1/batches", key=self.live["key"], json=BATCH).json()["id"]
        self.stack.finished_batch(made, key=self.live["key"])
        return str(made)

    def _key(self, mode: str, *words: str, project: str | None = None) -> str:
        return str(self._make_key(mode, *words, project=project)["key"])

    def _make_key(self, mode: str, *words: str, project: str | None = None) -> dict[str, Any]:
        made: dict[str, Any] = self.stack.craftkit(
            "keys", "create", "--project", project or self.id, "--name", "Matrix", "--mode", mode,
            *words,
        )  # fmt: skip
        return made

    def _expire(self, key_id: str) -> None:
        """Set a key's expiry to a past time, in all of its items."""
        table = self.stack.client("dynamodb")
        name = self.stack.outputs["KeysTable"]
        head = table.get_item(TableName=name, Key={"key_hash": {"S": f"key#{key_id}"}})["Item"]
        hashes = [secret["M"]["hash"]["S"] for secret in head["secrets"]["L"]]
        for key_hash in [f"key#{key_id}", *hashes]:
            table.update_item(
                TableName=name,
                Key={"key_hash": {"S": key_hash}},
                UpdateExpression="SET expires_at = :past",
                ExpressionAttributeValues={":past": {"S": "2020-01-01T00:00:00.000Z"}},
            )


Call = tuple[str, str, Any]
"""Method, path and body of one request."""

REQUESTS: dict[str, Callable[[World], Call]] = {
    "POST /v1/templates/{slug}/render": lambda _: (
        "POST",
        "/v1/templates/invoice/render",
        {"data": DATA},
    ),
    "GET /v1/renders/{id}": lambda world: ("GET", f"/v1/renders/{world.render_id}", None),
    "GET /v1/renders/{id}/download": lambda world: (
        "GET",
        f"/v1/renders/{world.render_id}/download",
        None,
    ),
    "GET /v1/renders/{id}/invoice.xml": lambda world: (
        "GET",
        f"/v1/renders/{world.render_id}/invoice.xml",
        None,
    ),
    "POST /v1/verify": lambda _: ("POST", "/v1/verify", {}),
    "POST /v1/invoices/validate": lambda _: ("POST", "/v1/invoices/validate", {}),
    "DELETE /v1/renders/{id}": lambda world: ("DELETE", f"/v1/renders/{world.new_render()}", None),
    "POST /v1/renders/{id}/cancel": lambda world: (
        "POST",
        f"/v1/renders/{world.render_id}/cancel",
        None,
    ),
    "POST /v1/batches": lambda _: ("POST", "/v1/batches", BATCH),
    "GET /v1/batches/{id}": lambda world: ("GET", f"/v1/batches/{world.batch_id}", None),
    "GET /v1/batches/{id}/items": lambda world: (
        "GET",
        f"/v1/batches/{world.batch_id}/items",
        None,
    ),
    "POST /v1/batches/{id}/start": lambda world: (
        "POST",
        f"/v1/batches/{world.batch_id}/start",
        None,
    ),
    "POST /v1/batches/{id}/cancel": lambda world: (
        "POST",
        f"/v1/batches/{world.batch_id}/cancel",
        None,
    ),
    "POST /v1/batches/{id}/retry": lambda world: (
        "POST",
        f"/v1/batches/{world.batch_id}/retry",
        None,
    ),
    "GET /v1/templates/{slug}": lambda _: ("GET", "/v1/templates/invoice", None),
    "GET /v1/templates/{slug}/versions": lambda _: ("GET", "/v1/templates/invoice/versions", None),
    "POST /v1/templates/{slug}/versions": lambda _: (
        "POST",
        "/v1/templates/matrix/versions",
        {"manifest": {"variables": []}, "publish": False},
    ),
    "GET /v1/templates/{slug}/versions/{number}": lambda _: (
        "GET",
        "/v1/templates/invoice/versions/1",
        None,
    ),
    "POST /v1/templates/{slug}/versions/{number}/publish": lambda _: (
        "POST",
        "/v1/templates/matrix/versions/1/publish",
        None,
    ),
    "POST /v1/mcp": lambda _: ("POST", "/v1/mcp", PING),
    "POST /v1/embed/sessions": lambda _: ("POST", "/v1/embed/sessions", session_body()),
    "POST /v1/embed/sessions/refresh": lambda world: (
        "POST",
        "/v1/embed/sessions/refresh",
        {"renewToken": world.session()["renew_token"]},
    ),
    "DELETE /v1/embed/sessions/{id}": lambda world: (
        "DELETE",
        f"/v1/embed/sessions/{world.session()['session_id']}",
        None,
    ),
    "POST /v1/embed/catalogs": lambda _: (
        "POST",
        "/v1/embed/catalogs",
        {"name": "matrix", "catalog": CATALOG},
    ),
    "GET /v1/embed/catalogs/{name}": lambda _: ("GET", "/v1/embed/catalogs/matrix", None),
    "POST /v1/hooks/{token}": lambda world: ("POST", f"/v1/hooks/{world.hook['token']}", DATA),
    "POST /v1/hooks": lambda world: ("POST", "/v1/hooks", DATA),
    "POST /v1/oauth/token": lambda _: ("POST", "/v1/oauth/token", {}),
    "POST /v1/exposed-keys": lambda _: ("POST", "/v1/exposed-keys", []),
}


CALLERS = (*(field.name for field in fields(Row) if field.name != "scope"), *SCOPES)
"""Callers with a key: each has its column in `Row`, or has one scope."""

PROVED = "bound, with a proof"
"""A live key that is bound to a public key: with a proof it may do what the live key may."""


@pytest.fixture(scope="module")
def world(
    stack: RunningStack, staging: RunningStack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    with served_issuer() as issuer:
        yield World(stack, staging, issuer, tmp_path_factory.mktemp("matrix"))


Headers = Callable[[str, str], dict[str, str]]
"""From method and path of a request to the headers that a caller sends with it."""


def outcome(world: World, route: str, headers: Headers) -> str:
    method, _, path = route.partition(" ")
    default: Call = (method, path, None)
    verb, address, body = REQUESTS[route](world) if route in REQUESTS else default
    answer = world.stack.call(verb, address, key="", json=body, headers=headers(verb, address))
    return read(answer)


def read(answer: requests.Response) -> str:
    """The status, and the code of an error."""
    try:
        code = answer.json()["error"]["code"]
    except (json.JSONDecodeError, KeyError, TypeError):
        return str(answer.status_code)
    return f"{answer.status_code} {code}"


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def expected(row: Row, caller: str) -> str:
    if row.scope is None or caller == PROVED:
        return row.live
    if caller in SCOPES:
        # The live key has the scopes by default alone.
        with_scope = "200" if row.scope == REQUESTS_READ else row.live
        return with_scope if row.scope in (caller, ANY_KEY) else NO_SCOPE
    return str(getattr(row, caller))


def documented(stack: RunningStack) -> set[str]:
    paths = stack.call("GET", "/v1/openapi.json", key="").json()["paths"]
    return {
        f"{method.upper()} {path}"
        for path, methods in paths.items()
        for method in methods
        if method in ("get", "post", "put", "patch", "delete")
    }


def test_every_route_has_a_row_and_every_caller_a_column(world: World) -> None:
    assert documented(world.stack) == set(MATRIX)
    assert {*world.callers, "federated"} == set(CALLERS)
    assert all(expected(row, caller) for row in MATRIX.values() for caller in CALLERS)


@pytest.mark.parametrize("route", MATRIX)
def test_callers_with_a_key(world: World, route: str) -> None:
    found, wanted = {}, {}
    for caller in (*CALLERS, PROVED):
        wanted[caller] = expected(MATRIX[route], caller)
        found[caller] = outcome(
            world, route, lambda method, path, by=caller: world.headers(by, method, path)
        )
    assert found == wanted


@pytest.mark.parametrize("route", MATRIX)
def test_callers_without_a_valid_key(world: World, route: str) -> None:
    row = MATRIX[route]
    found, wanted = {}, {}
    for caller, refusal in REFUSED_CALLERS.items():
        wanted[caller] = row.live if row.scope is None else refusal
        found[caller] = outcome(
            world, route, lambda method, path, by=caller: world.refused_headers(by, method, path)
        )
    assert found == wanted
