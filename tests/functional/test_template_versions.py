"""Template versions over the API: for tokens with `templates:write`, never for an API key."""

from dataclasses import replace
from typing import Any

import pytest

from craftkit import remote_typesetter
from craftkit.auth.principal import Principal
from craftkit.keys.models import NewKey
from craftkit.templates import service
from testkit.project import MANIFEST, SOURCE, DemoProject
from testkit.typesetter import FakeTypesetter

BODY: dict[str, Any] = {"name": "Invoice", "manifest": MANIFEST, "source": SOURCE}


class Token:
    """A project as a token of the exchange sees it."""

    def __init__(self, project: DemoProject, *templates: str) -> None:
        self.id = project.id
        self.principal: Principal = replace(
            project.principal,
            scopes=frozenset({"templates:read", "templates:write"}),
            templates=frozenset(templates),
        )


@pytest.fixture
def token(project: DemoProject) -> Token:
    return Token(project)


@pytest.fixture(autouse=True)
def compiler(cloud: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module = cloud.module("create_template_version")
    assert module.typeset_remotely is remote_typesetter.typeset_remotely
    monkeypatch.setattr(module, "typeset_remotely", FakeTypesetter())


def latest(project_id: str) -> int | None:
    return service.get_template(project_id, "invoice").latest_version


def create(call: Any, token: Token, slug: str = "invoice", **changes: Any) -> Any:
    body = {name: value for name, value in {**BODY, **changes}.items() if value is not None}
    return call("create_template_version", token, path={"slug": slug}, body=body)


def publish(call: Any, token: Token, number: object) -> Any:
    path = {"slug": "invoice", "number": str(number)}
    return call("publish_template_version", token, path=path)


def test_create_template_version__is_published_at_once_by_default(call: Any, token: Token) -> None:
    answer = create(call, token)
    assert answer.status == 201
    assert answer.body == {"slug": "invoice", "versionNumber": 2, "published": True}
    assert latest(token.id) == 2


def test_create_template_version__unpublished_changes_no_render(call: Any, token: Token) -> None:
    answer = create(call, token, publish=False, name="Another")
    assert answer.body == {"slug": "invoice", "versionNumber": 2, "published": False}
    assert latest(token.id) == 1
    assert service.get_template(token.id, "invoice").name == "Invoice"
    assert create(call, token, publish=False).body["versionNumber"] == 3
    listed = call("list_template_versions", token, path={"slug": "invoice"}).body
    assert listed["latestVersion"] == 1
    assert [version["number"] for version in listed["versions"]] == [3, 2, 1]


def test_publish_template_version__publishes_a_newer_and_an_older_version(
    call: Any, token: Token
) -> None:
    create(call, token, publish=False)
    assert publish(call, token, 2).body == {
        "slug": "invoice",
        "versionNumber": 2,
        "published": True,
    }
    assert latest(token.id) == 2
    assert publish(call, token, 1).status == 200
    assert latest(token.id) == 1
    assert publish(call, token, 1).status == 200
    assert create(call, token).body["versionNumber"] == 3
    assert latest(token.id) == 3


def test_create_template_version__creates_a_missing_template(call: Any, token: Token) -> None:
    answer = create(call, token, "letter", name=None, source=None, publish=False)
    assert (answer.status, answer.body["versionNumber"]) == (201, 1)
    template = service.get_template(token.id, "letter")
    assert (template.name, template.latest_version) == ("letter", None)
    assert create(call, token, "letter", name=None).body["versionNumber"] == 2


def test_create_template_version__numbers_are_never_reused(call: Any, token: Token) -> None:
    create(call, token, publish=False)
    service.delete_template(token.id, "invoice", by="tester")
    assert create(call, token).body["versionNumber"] == 3


@pytest.mark.parametrize("number", ["0", "2", "999999", "1000000", "x", "-1", "1.0", "²", "9" * 99])
def test_publish_template_version__a_missing_version_is_404(
    call: Any, token: Token, number: str
) -> None:
    answer = publish(call, token, number)
    assert (answer.status, answer.code) == (404, "version_not_found")


def test_template_versions__an_api_key_cannot_write(call: Any, project: DemoProject) -> None:
    for answer in (create(call, project), publish(call, project, 1)):
        assert (answer.status, answer.code) == (403, "insufficient_scope")
    with pytest.raises(ValueError, match="scope"):
        NewKey(name="Key", mode="live", scopes=("templates:write",))


def test_template_versions__a_token_limited_to_templates_can_write_only_these(
    call: Any, project: DemoProject
) -> None:
    token = Token(project, "letter")
    for answer in (
        create(call, token),
        publish(call, token, 1),
        call("list_template_versions", token, path={"slug": "invoice"}),
    ):
        assert (answer.status, answer.code) == (403, "insufficient_scope")
    assert create(call, token, "letter").status == 201


@pytest.mark.parametrize(
    "changes",
    [
        {"manifest": None},
        {"manifest": {"variables": [{"key": "1"}]}},
        {"locale": "english"},
        {"pdfStandard": "word"},
        {"name": ""},
        {"publish": "yes"},
        {"unknown": 1},
        {"source": "x" * 300_000},
    ],
    ids=str,
)
def test_create_template_version__an_invalid_version_is_refused_and_changes_nothing(
    call: Any, token: Token, changes: dict[str, Any]
) -> None:
    answer = create(call, token, **changes)
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert [version.number for version in service.list_versions(token.id, "invoice")] == [1]


def get(call: Any, token: Token, number: object, slug: str = "invoice") -> Any:
    return call("get_template_version", token, path={"slug": slug, "number": str(number)})


def test_get_template_version__returns_the_whole_version(call: Any, token: Token) -> None:
    sent = {"locale": "de", "pdfStandard": "a-2b", "source": "= Rechnung"}
    create(call, token, publish=False, name="Rechnung", **sent)
    answer = get(call, token, 2)
    assert answer.status == 200
    assert answer.body | sent == answer.body
    assert answer.body["manifest"] == service.get_version(token.id, "invoice", 2).manifest.as_json()
    assert (answer.body["name"], answer.body["published"]) == ("Rechnung", False)
    publish(call, token, 2)
    assert get(call, token, 2).body["published"] is True
    assert get(call, token, 1).body["published"] is False


@pytest.mark.parametrize("number", ["0", "2", "1000000", "x", "-1", "²"])
def test_get_template_version__a_missing_version_is_404(
    call: Any, token: Token, number: str
) -> None:
    answer = get(call, token, number)
    assert (answer.status, answer.code) == (404, "version_not_found")


def test_get_template_version__a_key_with_the_scope_templates_read_sees_the_source(
    call: Any, project: DemoProject
) -> None:
    """docs/decisions/template-versions.md has the reasons."""
    reader = Token(project)
    reader.principal = replace(project.principal, scopes=frozenset({"templates:read"}))
    assert get(call, reader, 1).body["source"] == SOURCE
    reader.principal = replace(project.principal, scopes=frozenset({"renders:write"}))
    answer = get(call, reader, 1)
    assert (answer.status, answer.code) == (403, "insufficient_scope")
    assert "source" not in answer.body


def test_get_template_version__of_a_forbidden_template_is_403(
    call: Any, project: DemoProject
) -> None:
    answer = get(call, Token(project, "letter"), 1)
    assert (answer.status, answer.code) == (403, "insufficient_scope")
