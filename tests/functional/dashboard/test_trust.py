"""Trust rules in the dashboard: created, ended, and tried with a pasted token."""

from datetime import timedelta
from typing import Any

import pytest

from craftkit.auth.lookup import find_key
from craftkit.auth.verify import verify_key
from craftkit.clock import utc_now
from craftkit.projects import members
from craftkit.projects import service as projects
from craftkit.projects.models import Project
from craftkit.trust import issuers, service
from testkit.cloud import Cloud
from testkit.issuer import ISSUER, SUBJECT, Issuer
from testkit.visitor import Visitor
from tests.functional.dashboard.users import ADA, BOB
from tests.functional.test_exchange_token import _ISSUER as SIGNER
from tests.functional.test_exchange_token import Web
from tests.functional.test_keys import entries

FORM = {
    "name": "Release job",
    "issuer": ISSUER,
    "audience": "craftkit",
    "subject": SUBJECT,
    "claims": "repository_owner_id=42\n\n ref_protected = true ",
    "mode": "test",
    "scopes": ["renders:write", "templates:write"],
    "life": "5",
}


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Web:
    made = Web()
    monkeypatch.setattr(issuers.network, "fetch", made.fetch)
    return made


def path(project: Project, rest: str = "") -> str:
    return f"/dashboard/projects/{project.id}/trust{rest}"


def test_create_rule__is_listed_with_what_it_accepts_and_audited(
    ada: Visitor, project: Project, cloud: Cloud
) -> None:
    assert "No trust rules yet" in ada.get(path(project)).words
    page = ada.follow(ada.post(path(project), FORM))
    assert "Release job accepts tokens from now on" in page.words
    for shown in (ISSUER, SUBJECT, "repository_owner_id", "5 min", "ada@example.com"):
        assert shown in page.words
    [rule] = service.list_rules(project.id)
    assert rule.claims == {"repository_owner_id": "42", "ref_protected": "true"}
    assert rule.scopes == ("renders:write", "templates:write")
    assert rule.life == timedelta(minutes=5)
    [entry] = entries(cloud, "trust.created")
    assert (entry["actor"], entry["target"]) == (ADA.sub, rule.id)


def test_create_rule__submitted_twice_is_one_rule(ada: Visitor, project: Project) -> None:
    form = FORM | {"once": "019cec2a-2000-7000-8000-000000000001"}
    assert ada.post(path(project), form).status == 303
    assert ada.post(path(project), form).location.endswith("/trust")
    assert len(service.list_rules(project.id)) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"issuer": "issuer"}, "The issuer must be a URL"),
        ({"issuer": "http://issuer.example.com"}, "The issuer must be an https URL."),
        ({"subject": "*"}, "must begin with literal text"),
        (
            {"issuer": "https://token.actions.githubusercontent.com", "subject": "repo:*"},
            "Anybody can get a token of",
        ),
        ({"claims": "repository_owner_id"}, "Enter each claim once"),
        ({"claims": "a=1\na=2"}, "Enter each claim once"),
        ({"scopes": ["renders:delete"]}, "Each scope must be one of"),
        ({"name": ""}, 'id="name-problem"'),
        ({"life": "16"}, "between 1 and 15 minutes"),
    ],
)
def test_create_rule__an_invalid_form_says_why_and_keeps_the_input(
    ada: Visitor, project: Project, changes: dict[str, Any], words: str
) -> None:
    page = ada.post(path(project), FORM | changes)
    assert page.status == 422
    assert words in page.words or words in page.text
    assert 'value="craftkit"' in page.text
    assert service.list_rules(project.id) == []


def test_end_rule__ends_its_tokens_too(
    ada: Visitor, project: Project, web: Web, cloud: Cloud
) -> None:
    ada.post(path(project), FORM)
    [rule] = service.list_rules(project.id)
    token = service.exchange_token(project.id, SIGNER.sign()).cleartext

    def verdict() -> str:
        return verify_key(token, stage="local", lookup=find_key, now=utc_now()).verdict.value

    assert verdict() == "allowed"
    page = ada.follow(ada.post(path(project, f"/{rule.id}/end")))
    assert "Release job has ended" in page.words
    assert verdict() == "revoked"
    [entry] = entries(cloud, "trust.ended")
    assert (entry["actor"], entry["target"]) == (ADA.sub, rule.id)


def test_end_rule__of_another_project_is_not_found(
    ada: Visitor, project: Project, cloud: Cloud
) -> None:
    other = projects.create_project("Other", by=BOB.sub, owner=BOB)
    bob = Visitor(cloud).signs_in(BOB)
    assert bob.post(path(other), FORM).status == 303
    [rule] = service.list_rules(other.id)
    assert ada.post(path(project, f"/{rule.id}/end")).status == 404
    assert service.list_rules(other.id)[0].status == "active"


def test_try_token__says_of_each_rule_why_it_does_not_accept(
    ada: Visitor, project: Project, web: Web
) -> None:
    ada.post(path(project), FORM)
    ada.post(path(project), FORM | {"name": "Other branch", "subject": f"{SUBJECT}2"})
    token = SIGNER.sign()
    page = ada.post(path(project, "/try"), {"token": f"  {token}\n"})
    assert "The token is accepted by Release job." in page.words
    assert f"Other branch: sub: the value does not match {SUBJECT}2." in page.words
    assert token not in page.text
    assert service.exchange_token(project.id, token).key_id  # the trial did not use it up
    none = ada.post(path(project, "/try"), {"token": SIGNER.sign(aud="elsewhere")})
    assert "No rule accepts the token." in none.words
    assert "aud: the rule requires craftkit." in none.words


@pytest.mark.parametrize(
    ("token", "words"),
    [
        (SIGNER.sign(exp=1), "The token is refused: The token has expired."),
        (Issuer().sign(), "The token is refused: The token's signature is not valid."),
        ("", "The token is refused: The token is not a JWT."),
        ("ck_live_x", "The token is refused: The token is not a JWT."),
        (
            Issuer("https://else.example.com").sign(),
            "The token is refused: No active rule of this project names the token's issuer.",
        ),
    ],
)
def test_try_token__says_why_the_token_itself_is_refused(
    ada: Visitor, project: Project, web: Web, token: str, words: str
) -> None:
    ada.post(path(project), FORM)
    assert words in ada.post(path(project, "/try"), {"token": token}).words


def test_try_token__without_a_rule_says_so(ada: Visitor, project: Project) -> None:
    page = ada.post(path(project, "/try"), {"token": SIGNER.sign()})
    assert "names the token's issuer" in page.words


def test_a_viewer_sees_the_rules_and_changes_nothing(
    ada: Visitor, project: Project, cloud: Cloud
) -> None:
    ada.post(path(project), FORM)
    [rule] = service.list_rules(project.id)
    members.add_member(project.id, BOB, "viewer", by=ADA.sub)
    bob = Visitor(cloud).signs_in(BOB)
    page = bob.get(path(project))
    assert "Release job" in page.words
    assert "Create trust rule" not in page.words
    assert bob.get(path(project, "/new")).status == 403
    for rest, form in (("", FORM), (f"/{rule.id}/end", {}), ("/try", {"token": "x"})):
        assert bob.post(path(project, rest), form).status == 403
    assert [each.status for each in service.list_rules(project.id)] == ["active"]
