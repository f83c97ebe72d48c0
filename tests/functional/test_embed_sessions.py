"""POST /v1/embed/sessions, …/refresh, DELETE …/{id}: each outcome that a caller can meet."""

import json
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jwt
import pytest

from craftkit import settings
from craftkit.embed.partners import service as partners
from craftkit.embed.tokens import signing
from craftkit.ids import new_id
from craftkit.keys import service as keys
from craftkit.keys.models import NewKey
from testkit.clock import FrozenClock
from testkit.cloud import Cloud
from testkit.embed import partnership, session_body
from testkit.project import DemoProject, make_project

Call = Callable[..., Any]


def audited(cloud: Cloud, project: DemoProject) -> list[tuple[str, str]]:
    rows = cloud.table("AuditTable").scan()["Items"]
    found = [row for row in rows if row["pk"].endswith(project.id)]
    return [(row["action"], row["target"]) for row in sorted(found, key=lambda row: row["sk"])]


class TestMint:
    def test_create_embed_session__is_201_with_a_page_and_a_token_for_four_hours(
        self, call: Call, partner: DemoProject, clock: FrozenClock
    ) -> None:
        answer = call("create_embed_session", partner, body=session_body())
        assert answer.status == 201
        assert set(answer.body) == {
            "session_id", "session_token", "iframe_url", "expires_at", "renew_token",
        }  # fmt: skip
        assert answer.body["expires_at"] == "2026-03-14T16:00:00.000Z"
        assert answer.body["renew_token"].startswith("ert_")
        token = answer.body["session_token"]
        assert answer.body["iframe_url"] == f"http://127.0.0.1:3000/embed?session_token={token}"

    def test_create_embed_session__the_jwks_alone_verifies_its_token(
        self, cloud: Cloud, call: Call, partner: DemoProject
    ) -> None:
        opened = call("create_embed_session", partner, body=session_body()).body
        jwks = jwt.PyJWKSet.from_dict(call("get_jwks", partner).body)
        header = jwt.get_unverified_header(opened["session_token"])
        assert (header["alg"], header["kid"]) == ("EdDSA", jwks.keys[0].key_id)
        claims = jwt.decode(
            opened["session_token"],
            jwks[header["kid"]],
            algorithms=["EdDSA"],
            audience="craftkit-embed",
            issuer="http://localhost:3000",
        )
        assert {"iss", "aud", "sub", "iat", "nbf", "exp", "jti", "ck"} == set(claims)
        assert claims["exp"] - claims["iat"] == 4 * 3600
        assert claims["ck"] == {
            "session": opened["session_id"],
            "partner": partner.id,
            "key": None,
            "tenant": "acme",
            "actor": "u-17",
            "scope": {"mode": "fill", "templateExternalId": "invoice"},
            "permissions": ["view", "fill"],
        }

    def test_create_embed_session__stores_no_token_and_no_private_key(
        self, cloud: Cloud, call: Call, partner: DemoProject
    ) -> None:
        opened = call("create_embed_session", partner, body=session_body()).body
        tables = ("EmbedSessionsTable", "EmbedKeysTable", "ProjectsTable", "AuditTable")
        kept = repr([cloud.table(name).scan()["Items"] for name in tables])
        assert opened["renew_token"] not in kept
        assert opened["session_token"] not in kept
        assert '"d"' not in kept

    def test_create_embed_session__without_a_partnership_is_401(
        self, call: Call, project: DemoProject
    ) -> None:
        answer = call("create_embed_session", project, body=session_body())
        assert (answer.status, answer.code) == (401, "invalid_credentials")
        assert answer.headers["WWW-Authenticate"] == "Bearer"

    def test_create_embed_session__a_suspended_partner_is_403_at_the_next_request(
        self, call: Call, partner: DemoProject
    ) -> None:
        assert call("create_embed_session", partner, body=session_body()).status == 201
        partners.suspend(partner.id, by="operator")
        answer = call("create_embed_session", partner, body=session_body())
        assert (answer.status, answer.code) == (403, "partner_suspended")
        partners.resume(partner.id, by="operator")
        assert call("create_embed_session", partner, body=session_body()).status == 201

    def test_create_embed_session__a_suspended_partner_can_still_render(
        self, call: Call, partner: DemoProject
    ) -> None:
        partners.suspend(partner.id, by="operator")
        assert call("create_render", partner).status == 202

    def test_create_embed_session__a_key_without_the_scope_is_403(self, call: Call) -> None:
        project = make_project(scopes=("renders:write",))
        partnership(project)
        answer = call("create_embed_session", project, body=session_body())
        assert (answer.status, answer.code) == (403, "insufficient_scope")
        assert "embed:write" in answer.body["error"]["message"]

    def test_create_embed_session__a_restricted_key_cannot_detect_other_templates(
        self, call: Call
    ) -> None:
        project = make_project(templates=("quote",))
        partnership(project)
        here = call("create_embed_session", project, body=session_body())
        nowhere = call("create_embed_session", project, body=session_body(
            scope={"mode": "fill", "templateExternalId": "no-such"}))  # fmt: skip
        assert here.code == nowhere.code == "insufficient_scope"
        free = call("create_embed_session", project, body=session_body(scope={"mode": "create"}))
        assert free.code == "insufficient_scope"

    @pytest.mark.parametrize(
        ("changes", "path"),
        [
            ({"tenant": {"externalId": "acme"}}, "tenant.displayName"),
            ({"tenant": {"externalId": "", "displayName": "A"}}, "tenant.externalId"),
            ({"actor": {}}, "actor.externalId"),
            ({"actor": {"externalId": "u", "email": "nobody"}}, "actor.email"),
            ({"actor": {"externalId": "u", "avatarUrl": "javascript:alert(1)"}}, "actor.avatarUrl"),
            ({"scope": {"mode": "delete"}}, "scope.mode"),
            ({"scope": {"mode": "edit"}}, "scope"),
            ({"scope": {"mode": "fill", "templateExternalId": "../x"}}, "scope.templateExternalId"),
            ({"permissions": "root"}, "permissions"),
            ({"permissions": []}, "permissions"),
            ({"permissions": "viewer"}, "permissions"),
            ({"appearance": {"primaryColor": "red;}"}}, "appearance.primaryColor"),
            ({"appearance": {"theme": "neon"}}, "appearance.theme"),
            ({"callbacks": {"submitted": "https://evil.example/"}}, "callbacks.submitted"),
            ({"callbacks": {"submitted": "//evil.example/"}}, "callbacks.submitted"),
            ({"limits": {"sessionSeconds": 14_401}}, "limits.sessionSeconds"),
            ({"limits": {"submissions": 0}}, "limits.submissions"),
            ({"form": {"filename": "../x.pdf"}}, "form.filename"),
            ({"form": {"renderId": "x"}}, "form.renderId"),
            ({"catalogRef": {"name": "Not A Name"}}, "catalogRef.name"),
            ({"unknown": 1}, "unknown"),
        ],
    )
    def test_create_embed_session__invalid_fields_are_400_with_their_paths(
        self, cloud: Cloud, call: Call, partner: DemoProject, changes: Any, path: str
    ) -> None:
        answer = call("create_embed_session", partner, body=session_body(**changes))
        assert (answer.status, answer.code) == (400, "invalid_request")
        assert path in answer.field_errors
        assert cloud.table("EmbedSessionsTable").scan()["Items"] == []

    def test_create_embed_session__callbacks_on_an_allowed_origin_are_accepted(
        self, call: Call, partner: DemoProject
    ) -> None:
        callbacks = {"submitted": "https://app.example.com/thanks?x=1"}
        assert (
            call("create_embed_session", partner, body=session_body(callbacks=callbacks)).status
            == 201
        )

    def test_create_embed_session__unknown_and_foreign_templates_are_the_same_404(
        self, call: Call, partner: DemoProject
    ) -> None:
        make_project(name="Other", slug="secret-plan")
        unknown, foreign = (
            call("create_embed_session", partner, body=session_body(
                scope={"mode": "fill", "templateExternalId": slug}))
            for slug in ("no-such", "secret-plan")
        )  # fmt: skip
        assert (unknown.status, unknown.code) == (404, "template_not_found")
        assert foreign.body == unknown.body

    def test_create_embed_session__writes_an_audit_entry(
        self, cloud: Cloud, call: Call, partner: DemoProject
    ) -> None:
        opened = call("create_embed_session", partner, body=session_body()).body
        assert audited(cloud, partner)[-1] == ("embed.session.created", opened["session_id"])

    def test_create_embed_session__stores_the_latest_tenant_and_actor(
        self, cloud: Cloud, call: Call, partner: DemoProject, clock: FrozenClock
    ) -> None:
        call("create_embed_session", partner, body=session_body())
        clock.advance(hours=1)
        renamed = {"externalId": "acme", "displayName": "Acme Group"}
        call("create_embed_session", partner, body=session_body(tenant=renamed))
        rows = cloud.table("EmbedSessionsTable").scan()["Items"]
        tenants = [row for row in rows if row["sk"].startswith("tenant#")]
        actors = [row for row in rows if row["sk"].startswith("actor#")]
        assert [one["described"]["display_name"] for one in tenants] == ["Acme Group"]
        assert tenants[0]["first_seen_at"] < tenants[0]["seen_at"]
        assert len(actors) == 1

    def test_create_embed_session__uses_the_partners_presets(
        self, call: Call, partner: DemoProject
    ) -> None:
        partners.set_presets(partner.id, {"viewer": ["view", "fill"]}, by="operator")
        answer = call("create_embed_session", partner, body=session_body(permissions="viewer"))
        claims = jwt.decode(answer.body["session_token"], options={"verify_signature": False})
        assert claims["ck"]["permissions"] == ["view", "fill"]

    def test_create_embed_session__too_large_values_are_refused(
        self, call: Call, partner: DemoProject
    ) -> None:
        noise = random.Random(1).randbytes(300_000).hex()
        answer = call(
            "create_embed_session", partner, body=session_body(form={"data": {"x": noise}})
        )
        assert (answer.status, answer.code) == (400, "invalid_request")


class TestRefresh:
    @pytest.fixture
    def opened(self, call: Call, partner: DemoProject, clock: FrozenClock) -> Any:
        return call("create_embed_session", partner, body=session_body()).body

    def test_refresh_embed_session__extends_the_session_by_four_hours(
        self, call: Call, partner: DemoProject, clock: FrozenClock, opened: Any
    ) -> None:
        clock.advance(hours=3)
        answer = call("refresh_embed_session", partner, body={"renewToken": opened["renew_token"]})
        assert answer.status == 200
        assert answer.body["session_id"] == opened["session_id"]
        assert answer.body["expires_at"] == "2026-03-14T19:00:00.000Z"
        assert answer.body["session_token"] != opened["session_token"]
        assert answer.body["renew_token"] != opened["renew_token"]

    def test_refresh_embed_session__a_used_token_is_401_and_the_next_one_works(
        self, call: Call, partner: DemoProject, opened: Any
    ) -> None:
        body = {"renewToken": opened["renew_token"]}
        fresh = call("refresh_embed_session", partner, body=body).body["renew_token"]
        again = call("refresh_embed_session", partner, body=body)
        assert (again.status, again.code) == (401, "refresh_failed")
        assert call("refresh_embed_session", partner, body={"renewToken": fresh}).status == 200

    def test_refresh_embed_session__a_session_of_a_forbidden_template_is_refused(
        self, call: Call, partner: DemoProject, opened: Any
    ) -> None:
        other = NewKey(name="Letters", mode="live", templates=("letter",))
        confined = replace(partner, key=keys.create_key(partner.id, other, by="tester"))
        body = {"renewToken": opened["renew_token"]}
        refused = call("refresh_embed_session", confined, body=body)
        assert (refused.status, refused.code) == (401, "refresh_failed")
        assert call("refresh_embed_session", partner, body=body).status == 200

    def test_refresh_embed_session__one_of_ten_concurrent_requests_succeeds(
        self, call: Call, partner: DemoProject, opened: Any
    ) -> None:
        body = {"renewToken": opened["renew_token"]}

        def refresh(_: int) -> int:
            return int(call("refresh_embed_session", partner, body=body).status)

        with ThreadPoolExecutor(10) as pool:
            statuses = list(pool.map(refresh, range(10)))
        assert sorted(statuses) == [200] + [401] * 9

    @pytest.mark.parametrize("token", ["ert_nonsense", "x", f"ert_{'0' * 32}{'A' * 43}"])
    def test_refresh_embed_session__a_malformed_token_is_401(
        self, call: Call, partner: DemoProject, token: str
    ) -> None:
        answer = call("refresh_embed_session", partner, body={"renewToken": token})
        assert (answer.status, answer.code) == (401, "refresh_failed")

    def test_refresh_embed_session__another_projects_token_is_401(
        self, call: Call, opened: Any
    ) -> None:
        other = make_project(name="Other")
        partnership(other)
        answer = call("refresh_embed_session", other, body={"renewToken": opened["renew_token"]})
        assert (answer.status, answer.code) == (401, "refresh_failed")

    def test_refresh_embed_session__a_revoked_session_is_401(
        self, call: Call, partner: DemoProject, opened: Any
    ) -> None:
        call("revoke_embed_session", partner, path={"id": opened["session_id"]})
        answer = call("refresh_embed_session", partner, body={"renewToken": opened["renew_token"]})
        assert (answer.status, answer.code) == (401, "refresh_failed")

    def test_refresh_embed_session__after_a_week_is_401(
        self, call: Call, partner: DemoProject, clock: FrozenClock, opened: Any
    ) -> None:
        clock.advance(days=7, hours=4)
        answer = call("refresh_embed_session", partner, body={"renewToken": opened["renew_token"]})
        assert (answer.status, answer.code) == (401, "refresh_failed")

    def test_refresh_embed_session__keeps_a_shorter_session_lifetime(
        self, call: Call, partner: DemoProject, clock: FrozenClock
    ) -> None:
        body = session_body(limits={"sessionSeconds": 60})
        opened = call("create_embed_session", partner, body=body).body
        assert opened["expires_at"] == "2026-03-14T12:01:00.000Z"
        renewed = call("refresh_embed_session", partner, body={"renewToken": opened["renew_token"]})
        assert renewed.body["expires_at"] == "2026-03-14T12:01:00.000Z"


class TestRevoke:
    def test_revoke_embed_session__is_204_and_204_again(
        self, cloud: Cloud, call: Call, partner: DemoProject
    ) -> None:
        session_id = call("create_embed_session", partner, body=session_body()).body["session_id"]
        assert call("revoke_embed_session", partner, path={"id": session_id}).status == 204
        assert call("revoke_embed_session", partner, path={"id": session_id}).status == 204
        assert audited(cloud, partner).count(("embed.session.revoked", session_id)) == 1

    def test_revoke_embed_session__unknown_and_foreign_sessions_are_the_same_404(
        self, call: Call, partner: DemoProject
    ) -> None:
        other = make_project(name="Other")
        partnership(other)
        foreign_id = call("create_embed_session", other, body=session_body()).body["session_id"]
        foreign = call("revoke_embed_session", partner, path={"id": foreign_id})
        unknown = call("revoke_embed_session", partner, path={"id": new_id()})
        assert (foreign.status, foreign.body) == (404, unknown.body)
        assert call("revoke_embed_session", partner, path={"id": "x"}).status == 404


class TestKeys:
    def test_get_jwks__is_empty_before_the_first_token(
        self, call: Call, project: DemoProject
    ) -> None:
        assert call("get_jwks", project).body == {"keys": []}

    def test_get_jwks__a_replaced_key_is_listed_for_24_hours(
        self, call: Call, page: Call, partner: DemoProject, clock: FrozenClock
    ) -> None:
        before = call("create_embed_session", partner, body=session_body()).body["session_token"]
        new, old = signing.rotate()
        clock.advance(hours=3)
        kids = [key["kid"] for key in call("get_jwks", partner).body["keys"]]
        assert set(kids) == {new.kid, old.kid}
        assert page("open_embed_session", before).status == 200
        clock.advance(hours=21)
        assert [key["kid"] for key in call("get_jwks", partner).body["keys"]] == [new.kid]

    def test_rotation__later_tokens_are_signed_with_the_new_key(
        self, call: Call, page: Call, partner: DemoProject, clock: FrozenClock
    ) -> None:
        new, _ = signing.rotate()
        forget_secret()
        token = call("create_embed_session", partner, body=session_body()).body["session_token"]
        assert jwt.get_unverified_header(token)["kid"] == new.kid
        assert page("open_embed_session", token).status == 200

    def test_rotation__without_overlap_ends_every_token(
        self, call: Call, page: Call, partner: DemoProject, clock: FrozenClock
    ) -> None:
        token = call("create_embed_session", partner, body=session_body()).body["session_token"]
        signing.rotate(overlap=timedelta(0))
        answer = page("open_embed_session", token)
        assert (answer.status, answer.code) == (401, "invalid_signature")


def forget_secret() -> None:
    """Empty the cache of the secret, as in a new environment."""
    settings.forget()


def test_every_answer_is_json_with_a_request_id(call: Call, partner: DemoProject) -> None:
    answer = call("create_embed_session", partner, body=session_body())
    assert answer.headers["x-request-id"]
    assert json.dumps(answer.body)
