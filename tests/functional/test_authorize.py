"""The authorizer's policy for each header, with its own DynamoDB client and moto."""

import json
from datetime import timedelta
from typing import Any

import pytest

from craftkit.auth import api_key
from craftkit.clock import utc_now
from craftkit.keys import service as keys
from testkit.cloud import Cloud
from testkit.project import make_project
from testkit.wire import DynamoDBWire


@pytest.fixture
def authorize(cloud: Cloud, event: Any) -> Any:
    def call(header: str | None) -> Any:
        return cloud.invoke("authorize", event("authorize", headers={"authorization": header}))

    return call


def effect_of(policy: dict[str, Any]) -> str:
    return str(policy["policyDocument"]["Statement"][0]["Effect"])


def test_authorize__a_valid_key_is_allowed_for_the_called_method_only(
    authorize: Any, event: Any
) -> None:
    project = make_project("live")
    policy = authorize(f"Bearer {project.key.cleartext}")
    statement = policy["policyDocument"]["Statement"][0]
    assert statement["Effect"] == "Allow"
    assert statement["Resource"] == event("authorize")["methodArn"]


def test_authorize__passes_the_projects_context_to_the_function(authorize: Any) -> None:
    project = make_project("live", scopes=("renders:read",), templates=("invoice",))
    context = authorize(f"Bearer {project.key.cleartext}")["context"]
    assert context == {
        "projectId": project.id,
        "keyId": project.key.key.id,
        "mode": "live",
        "scopes": "renders:read",
        "templates": "invoice",
        "limited": "",
    }


def test_authorize__a_key_with_networks_is_refused_elsewhere_with_403_by_every_handler(
    cloud: Cloud, event: Any, wire: DynamoDBWire
) -> None:
    project = make_project("live", networks=("203.0.113.0/24", "2001:db8::/32"))

    def call(address: str | None) -> Any:
        sent = event("authorize", headers={"authorization": f"Bearer {project.key.cleartext}"})
        sent["headers"]["x-forwarded-for"] = "203.0.113.7"
        sent["requestContext"]["identity"] = {"sourceIp": address}
        context = cloud.invoke("authorize", sent)["context"]
        route = event("list_renders")
        route["requestContext"]["authorizer"] = context
        return cloud.invoke("list_renders", route), context

    for address in ("203.0.113.7", "::ffff:203.0.113.7", "2001:db8::1"):
        assert call(address)[0]["statusCode"] == 200
    for address, shown in (("198.51.100.9", "198.51.100.0/24"), (None, "an unknown address")):
        reads = len(wire.operations)
        answer, context = call(address)
        assert len(wire.operations) == reads + 1
        assert answer["statusCode"] == 403
        assert '"code":"network_not_allowed"' in answer["body"]
        assert shown in answer["body"]
        assert "198.51.100.9" not in answer["body"]
        assert context["scopes"] == ""  # so that a handler of an older version refuses too


@pytest.mark.parametrize("header", [None, "Basic dXNlcjpwYXNz", "Bearer", "Bearer "])
def test_authorize__no_bearer_token_is_unauthorized(authorize: Any, header: str | None) -> None:
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        authorize(header)


@pytest.mark.parametrize("text", ["nope", "x" * 10_000, "ключ", "ck_live_" + "0" * 38])
def test_authorize__a_malformed_key_is_denied_without_a_read(
    authorize: Any, wire: DynamoDBWire, text: str
) -> None:
    assert effect_of(authorize(f"Bearer {text}")) == "Deny"
    assert wire.operations == []


def test_authorize__a_key_of_another_stage_is_denied_without_a_read(
    authorize: Any, wire: DynamoDBWire
) -> None:
    assert effect_of(authorize(f"Bearer {api_key.mint('live', 'prod')}")) == "Deny"
    assert wire.operations == []


def test_authorize__an_unknown_key_is_denied_after_one_read(
    authorize: Any, wire: DynamoDBWire
) -> None:
    assert effect_of(authorize(f"Bearer {api_key.mint('live', 'local')}")) == "Deny"
    assert wire.operations == ["GetItem"]


def test_authorize__a_revoked_key_is_denied_on_the_next_request(authorize: Any) -> None:
    project = make_project()
    header = f"Bearer {project.key.cleartext}"
    assert effect_of(authorize(header)) == "Allow"
    keys.revoke_key(project.key.key.id, by="tester")
    assert effect_of(authorize(header)) == "Deny"


def test_authorize__an_expired_key_is_denied(authorize: Any, clock: Any) -> None:
    project = make_project(expires_at=utc_now() + timedelta(days=1))
    clock.advance(days=1)
    assert effect_of(authorize(f"Bearer {project.key.cleartext}")) == "Deny"


def test_authorize__an_unreachable_table_is_an_error_and_not_a_denial(
    authorize: Any, wire: DynamoDBWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("craftkit.auth.dynamodb_client._BACKOFF_SECONDS", 0)
    project = make_project()
    wire.failure = ConnectionResetError("gone")
    with pytest.raises(Exception, match="DynamoDB GetItem: ConnectionResetError"):
        authorize(f"Bearer {project.key.cleartext}")


def test_authorize__logs_the_verdict_and_never_the_key(
    authorize: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    project = make_project()
    authorize(f"Bearer {project.key.cleartext}")
    logged = capsys.readouterr().err
    assert json.loads(logged)["verdict"] == "allowed"
    assert project.key.cleartext[8:] not in logged


def test_authorize__logs_ids_of_denied_requests_only(
    authorize: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """The gateway's access log has the ids of an allowed request, with the same request id."""
    project = make_project()
    key = project.key
    authorize(f"Bearer {key.cleartext}")
    keys.revoke_key(key.key.id, by="tester")
    authorize(f"Bearer {key.cleartext}")
    allowed, refused = map(json.loads, capsys.readouterr().err.splitlines())
    assert not {"project_id", "key_id"} & set(allowed)
    assert (refused["project_id"], refused["key_id"]) == (project.id, key.key.id)
