"""Calls of a route with a key, with events as API Gateway sends them."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import pytest

from craftkit.auth.principal import SCOPES
from testkit.cloud import Cloud
from testkit.embed import PageAnswer, page_call, partnership
from testkit.project import DemoProject, make_project


@dataclass(frozen=True)
class Answer:
    """A handler's response with its parsed body."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def code(self) -> str:
        return str(self.body["error"]["code"])

    @property
    def field_errors(self) -> dict[str, list[str]]:
        return dict(self.body["error"]["issues"]["fieldErrors"])


@pytest.fixture(autouse=True)
def official_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """The validation function, in this process."""

    def failures_of(function: str, xml: bytes) -> list[dict[str, Any]]:
        from invoice_rules.reading import read_invoice
        from invoice_rules.validation import validate  # loading Saxon takes a second

        return [asdict(failure) for failure in validate(read_invoice(xml)).failures]

    monkeypatch.setattr("craftkit.invoices.official.failures_of", failures_of)


@pytest.fixture
def project(cloud: Cloud) -> DemoProject:
    return make_project()


@pytest.fixture
def call(cloud: Cloud, event: Any) -> Callable[..., Answer]:
    """`call("get_render", project, path={"id": …})`: runs the handler with its own variables."""

    def invoke(route: str, project: DemoProject, **how: Any) -> Answer:
        answer = cloud.invoke(route, event(route, principal=project.principal, **how))
        text = answer["body"]
        return Answer(answer["statusCode"], answer["headers"], json.loads(text) if text else None)

    return invoke


@pytest.fixture
def partner(cloud: Cloud) -> DemoProject:
    """An embed partner whose site is app.example.com, with a live key of every scope."""
    project = make_project("live", scopes=SCOPES)
    partnership(project, "https://app.example.com")
    return project


@pytest.fixture
def page(cloud: Cloud) -> Callable[..., PageAnswer]:
    """`page("open_embed_session", token, body)`: a request as the embedded page sends it."""
    return partial(page_call, cloud)
