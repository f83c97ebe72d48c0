"""Every route that a key can call is charged to a rate of the key's project."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from craftkit.auth.principal import TOKEN_SCOPES, Principal
from craftkit.errors import RateLimitedError
from craftkit.limits import service as limits
from craftkit.limits.rates import ProjectRate, charge_rate
from craftkit.openapi.routes import ROUTES
from testkit.clock import FrozenClock
from testkit.embed import session_body
from testkit.project import DATA, MANIFEST, SOURCE, DemoProject
from tests.functional.conftest import Answer

ID = "01970000-0000-7000-8000-000000000000"
CATALOG = {
    "namespaces": [
        {
            "key": "customer",
            "label": "Customer",
            "fields": [{"key": "name", "label": "Name", "dataType": "text"}],
        }
    ]
}
VERSION = {"manifest": MANIFEST, "source": SOURCE}

WRITES: dict[str, dict[str, Any]] = {
    "create_render": {"path": {"slug": "invoice"}, "body": {"data": DATA}},
    "create_batch": {"body": {"templateSlug": "invoice", "items": [{"data": DATA}]}},
    "start_batch": {"path": {"id": ID}},
    "cancel_batch": {"path": {"id": ID}},
    "retry_batch": {"path": {"id": ID}},
    "cancel_render": {"path": {"id": ID}},
    "delete_render": {"path": {"id": ID}},
    "create_template_version": {"path": {"slug": "invoice"}, "body": VERSION},
    "publish_template_version": {"path": {"slug": "invoice", "number": "1"}},
    "create_embed_session": {"body": session_body()},
    "refresh_embed_session": {"body": {"renewToken": "ert_x"}},
    "revoke_embed_session": {"path": {"id": ID}},
    "publish_catalog": {"body": {"name": "a", "catalog": CATALOG}},
}
READS: dict[str, dict[str, Any]] = {
    "list_batches": {},
    "get_batch": {"path": {"id": ID}},
    "list_batch_items": {"path": {"id": ID}},
    "list_renders": {},
    "get_render": {"path": {"id": ID}},
    "download_render": {"path": {"id": ID}},
    "get_invoice": {"path": {"id": ID}},
    "validate_invoice": {},
    "verify_document": {},
    "list_templates": {},
    "get_template": {"path": {"slug": "invoice"}},
    "list_template_versions": {"path": {"slug": "invoice"}},
    "get_template_version": {"path": {"slug": "invoice", "number": "1"}},
    "get_usage": {},
    "answer_mcp": {"body": {"jsonrpc": "2.0", "id": 1, "method": "ping"}},
    "list_requests": {},
    "list_catalogs": {},
    "get_catalog": {"path": {"name": "a"}},
}
FREE = {"get_me"}
"""Check the `RateLimit` headers."""


class Caller:
    """The project as a token with every scope sees it."""

    def __init__(self, project: DemoProject) -> None:
        self.id = project.id
        self.principal: Principal = replace(
            project.principal, scopes=frozenset(TOKEN_SCOPES), templates=frozenset()
        )


@pytest.fixture
def caller(partner: DemoProject, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch) -> Caller:
    """A project that has used up its requests of this second."""
    for kind in ("write", "read"):
        rate = ProjectRate(kind, f"{kind} requests", per_second=1, burst=1)
        monkeypatch.setattr(limits, f"default_{kind}_rate", lambda rate=rate: rate)
        charge_rate(rate, partner.id)
    return Caller(partner)


@pytest.mark.parametrize("route", [*WRITES, *READS])
def test_every_route_is_429_when_the_projects_rate_is_used_up(
    call: Callable[..., Answer], caller: Caller, route: str
) -> None:
    answer = call(route, caller, **{**WRITES, **READS}[route])
    assert (answer.status, answer.code) == (429, "rate_limited")
    assert int(answer.headers["Retry-After"]) >= 1


def test_every_route_that_takes_a_key_is_tested() -> None:
    assert {*WRITES, *READS, *FREE} == {
        route.function for route in ROUTES if route.scope or route.needs_key
    }


def test_create_template_version__counts_as_a_preview(
    call: Callable[..., Answer], partner: DemoProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise RateLimitedError("Wait.", retry_seconds=1)

    monkeypatch.setattr("craftkit.limits.previews.charge_rate", refuse)
    answer = call(
        "create_template_version", Caller(partner), path={"slug": "invoice"}, body=VERSION
    )
    assert (answer.status, answer.code) == (429, "rate_limited")
