"""A build job renders and publishes with its OIDC token, without a stored secret."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from testkit import node
from testkit.issuer import Issuer, served_issuer
from testkit.stack import RunningStack

AUDIENCE = "craftkit"
SUBJECT = "repo:acme/shop:environment:production"
DATA = {
    "customer": {"name": "Ada"},
    "items": [{"name": "Notes", "qty": 1, "price": "42"}],
    "total": 42,
}
VERSION = {
    "name": "Letter",
    "manifest": {"variables": [{"key": "to", "label": "To", "dataType": "text"}]},
    "source": '#import "/craftkit.typ": *\n= Dear #data.to',
}


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with served_issuer() as made:
        yield made


def new_rule(stack: RunningStack, issuer: Issuer, *words: str) -> Any:
    return stack.craftkit(
        "trust", "create", "--project", stack.project_id, "--name", "Release job",
        "--issuer", issuer.url, "--audience", AUDIENCE,
        "--subject", "repo:acme/shop:environment:*", "--claim", "repository_owner_id=42",
        "--mode", "live", *words,
    )  # fmt: skip


def oidc(issuer: Issuer, **changes: Any) -> str:
    return issuer.sign("RS256", aud=AUDIENCE, **{"sub": SUBJECT, **changes})


def exchange(stack: RunningStack, token: str) -> requests.Response:
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "subject_token": token,
        "audience": stack.project_id,
    }
    return requests.post(f"{stack.api_url}/v1/oauth/token", data=form, timeout=60)


def test_a_job_renders_and_publishes_with_audit_entries(
    stack: RunningStack, issuer: Issuer
) -> None:
    rule = new_rule(
        stack, issuer, "--scope", "renders:write", "--scope", "renders:read",
        "--scope", "templates:write", "--scope", "templates:read",
    )  # fmt: skip
    answer = exchange(stack, oidc(issuer))
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    key = answer.json()["access_token"]
    made = stack.call("POST", "/v1/templates/invoice/render", key=key, json={"data": DATA})
    assert made.status_code == 202, made.text
    assert stack.finished(made.json()["id"], key=key)["status"] == "succeeded"
    path = "/v1/templates/federated/versions"
    first = stack.call("POST", path, key=key, json=VERSION)
    assert (first.status_code, first.json()["versionNumber"]) == (201, 1), first.text
    second = stack.call("POST", path, key=key, json={**VERSION, "publish": False})
    assert second.json() == {"slug": "federated", "versionNumber": 2, "published": False}
    published = stack.call("POST", f"{path}/2/publish", key=key)
    assert published.json()["published"] is True
    assert stack.call("GET", path, key=key).json()["latestVersion"] == 2
    entries = stack.craftkit("audit", "list", "--project", stack.project_id)["entries"]
    actions = {entry["action"] for entry in entries}
    assert {"trust.created", "token.created", "template.published"} <= actions
    stack.craftkit("trust", "end", rule["id"])


def test_tokens_are_refused_after_their_rule_ended_or_they_were_revoked(
    stack: RunningStack, issuer: Issuer
) -> None:
    rule = new_rule(stack, issuer)
    keys = [exchange(stack, oidc(issuer)).json()["access_token"] for _ in range(10)]
    assert {stack.call("GET", "/v1/renders", key=key).status_code for key in keys} == {200}
    stack.craftkit("trust", "end", rule["id"])
    statuses = [stack.call("GET", "/v1/renders", key=key).status_code for key in keys * 10]
    assert set(statuses) == {401}
    refused = exchange(stack, oidc(issuer))
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


def test_a_token_of_one_stage_is_invalid_in_another(
    stack: RunningStack, staging: RunningStack, issuer: Issuer
) -> None:
    rule = new_rule(stack, issuer)
    key = exchange(stack, oidc(issuer)).json()["access_token"]
    assert staging.call("GET", "/v1/renders", key=key).status_code == 401
    assert exchange(staging, oidc(issuer)).json()["error"] == "invalid_grant"
    stack.craftkit("trust", "end", rule["id"])


def test_an_issuer_on_a_private_address_is_refused_outside_the_local_stage(
    staging: RunningStack, issuer: Issuer
) -> None:
    with pytest.raises(Exception, match="https"):
        new_rule(staging, issuer)


def test_a_standard_oauth_client_can_exchange_tokens(stack: RunningStack, issuer: Issuer) -> None:
    rule = new_rule(stack, issuer)
    given = {
        "endpoint": f"{stack.api_url}/v1/oauth/token",
        "token": oidc(issuer),
        "audience": stack.project_id,
        "scope": "renders:read",
    }
    answer = node.run("exchange.mjs", given)
    assert answer["access_token"].startswith("ck_live_")
    assert (answer["token_type"], answer["scope"]) == ("bearer", "renders:read")
    assert node.run("exchange.mjs", given) == {"error": "invalid_grant"}
    stack.craftkit("trust", "end", rule["id"])


def test_trust_try_reports_why_a_token_is_refused(stack: RunningStack, issuer: Issuer) -> None:
    rule = new_rule(stack, issuer)
    trial = stack.craftkit(
        "trust", "try", "--project", stack.project_id,
        stdin=oidc(issuer, sub="repo:acme/other:environment:production"),
    )  # fmt: skip
    assert trial["ruleId"] is None
    (reasons,) = [each["reasons"] for each in trial["rules"] if each["ruleId"] == rule["id"]]
    assert reasons == ["sub: the value does not match repo:acme/shop:environment:*."]
    stack.craftkit("trust", "end", rule["id"])
