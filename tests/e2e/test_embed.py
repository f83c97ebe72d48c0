"""Embed on the deployed stack with IAM: requests of a partner's server and page."""

import base64
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from testkit import node
from testkit.embed import session_body
from testkit.stack import RunningStack

DATA = {
    "customer": {"name": "Ada"},
    "items": [{"name": "Notes", "qty": 1, "price": "42"}],
    "total": 42,
}
WRITING = {
    "name": "Letter",
    "manifest": {"variables": [{"key": "to", "label": "To", "dataType": "text"}]},
    "source": '#import "/craftkit.typ": *\n= Dear #data.to',
}


def mint(stack: RunningStack, mode: str = "fill", **changes: Any) -> Any:
    key = stack.editor_key if mode in ("edit", "create") else None
    answer = stack.call("POST", "/v1/embed/sessions", key=key, json=session_body(mode, **changes))
    assert answer.status_code == 201, answer.text
    return answer.json()


def ask(stack: RunningStack, name: str, token: str, body: object = None) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}", "Origin": stack.embed_url}
    return stack.call(
        "POST", f"/embed/api/{name}", key="", json=body or {}, headers=headers, at=stack.embed_url
    )


def jwks(stack: RunningStack) -> Any:
    return stack.call("GET", "/.well-known/jwks.json", key="").json()


@pytest.fixture
def fresh_partner(stack: RunningStack) -> Iterator[tuple[str, str]]:
    """A project of its own with a key and embed on, for tests that change the partnership."""
    project = stack.craftkit("projects", "create", "--empty", "--name", "Partner")["id"]
    key = stack.craftkit(
        "keys", "create", "--project", project, "--name", "k", "--mode", "test",
        "--scope", "embed:write", "--scope", "embed:edit", "--scope", "renders:read",
    )  # fmt: skip
    stack.craftkit("embed", "enable", "--project", project)
    yield project, key["key"]


def test_a_session_is_created_and_its_form_renders_a_pdf(stack: RunningStack) -> None:
    token = mint(stack)["session_token"]
    contents = ask(stack, "session", token).json()
    assert contents["template"]["slug"] == "invoice"
    preview = ask(stack, "preview", token, {"data": DATA}).json()
    assert base64.b64decode(preview["pages"][0]).startswith(b"\x89PNG")
    submission = {"data": DATA, "submissionId": "e2e-submission-1"}
    render = ask(stack, "submit", token, submission).json()
    deadline = time.monotonic() + 60
    while render["status"] in ("queued", "rendering") and time.monotonic() < deadline:
        render = ask(stack, "document", token, {"renderId": render["id"]}).json()
    assert render["status"] == "succeeded", render
    assert requests.get(render["downloadUrl"], timeout=30).content.startswith(b"%PDF")


def test_the_embedded_page_has_its_own_host_and_accepts_only_its_origin(
    stack: RunningStack,
) -> None:
    opened = mint(stack)
    host = urlsplit(stack.embed_url).hostname
    assert opened["iframe_url"].startswith(f"{stack.embed_url}/embed?session_token=")
    assert host not in (urlsplit(stack.api_url).hostname, urlsplit(stack.dashboard_url).hostname)
    headers = {"Authorization": f"Bearer {opened['session_token']}", "Origin": stack.api_url}
    answer = stack.call(
        "POST", "/embed/api/session", key="", json={}, headers=headers, at=stack.embed_url
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "origin_not_allowed")


def test_an_unknown_path_of_the_embed_api_is_404_in_the_envelope(stack: RunningStack) -> None:
    for method, path in (("GET", "/embed/nothing"), ("POST", "/embed"), ("GET", "/embed/api/x")):
        answer = stack.call(method, path, key="", at=stack.embed_url)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
        assert "iframe_url" in answer.json()["error"]["message"]


def test_assets_of_the_page_are_compressed_and_complete(stack: RunningStack) -> None:
    answer = stack.call("GET", "/embed/embed.js", key="", at=stack.embed_url)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "window.Craftkit" in answer.text


def test_a_template_is_edited_saved_and_published(stack: RunningStack) -> None:
    scope = {"mode": "create"}
    token = mint(stack, "create", scope=scope, permissions="admin")["session_token"]
    drawn = ask(stack, "template/preview", token, {**WRITING, "source": ""}).json()
    assert drawn["problem"] is None
    assert drawn["source"]
    saved = ask(stack, "template/draft", token, {**WRITING, "revision": 0}).json()
    published = ask(stack, "template/publish", token, WRITING)
    assert published.json() == {"slug": saved["slug"], "versionNumber": 1}


def test_a_template_that_does_not_compile_reports_the_line(stack: RunningStack) -> None:
    token = mint(stack, "edit")["session_token"]
    broken = {**WRITING, "source": "= Dear\n#unknown-thing"}
    problem = ask(stack, "template/preview", token, broken).json()["problem"]
    assert (problem["line"], problem["column"]) == (2, 2)


def test_a_token_is_verified_from_the_jwks_alone_by_pyjwt_and_by_jose(
    stack: RunningStack,
) -> None:
    token = mint(stack)["session_token"]
    published = jwks(stack)
    key = jwt.PyJWKSet.from_dict(published)[jwt.get_unverified_header(token)["kid"]]
    audience, issuer = "craftkit-embed", stack.api_url
    claims = jwt.decode(token, key, algorithms=["EdDSA"], audience=audience, issuer=issuer)
    given = {"jwks": published, "token": token, "audience": audience, "issuer": issuer}
    assert node.run("verify.mjs", given) == claims
    altered = token[:-8] + ("AAAAAAAA" if token[-8:] != "AAAAAAAA" else "BBBBBBBB")
    refused = node.run("verify.mjs", {**given, "token": altered})
    assert refused == {"error": "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"}


def test_sessions_signed_by_a_partner_are_accepted_until_its_key_is_revoked(
    stack: RunningStack, fresh_partner: tuple[str, str]
) -> None:
    project, _ = fresh_partner
    pair = stack.craftkit("embed", "keys", "create", "--project", project)
    private: Any = load_pem_private_key(pair["privateKeyPem"].encode(), None)
    scope = {"mode": "create"}

    def signed(jti: str) -> str:
        now = int(time.time())
        claims = {
            "iss": pair["publishableKey"],
            "aud": "craftkit-embed",
            "iat": now,
            "exp": now + 300,
            "jti": jti,
            "ck": session_body("create", scope=scope),
        }
        return jwt.encode(claims, private, algorithm="EdDSA")

    page = stack.call("GET", f"/embed?session_token={signed('one')}", key="", at=stack.embed_url)
    assert page.status_code == 200
    token = ask(stack, "exchange", signed("one")).json()["sessionToken"]
    assert ask(stack, "session", token).status_code == 200
    replayed = ask(stack, "exchange", signed("one"))
    assert (replayed.status_code, replayed.json()["error"]["code"]) == (401, "invalid_signature")
    stack.craftkit("embed", "keys", "revoke", "--project", project, pair["publishableKey"])
    assert ask(stack, "exchange", signed("two")).json()["error"]["code"] == "session_revoked"
    assert ask(stack, "session", token).json()["error"]["code"] == "session_revoked"


def test_a_session_ends_with_the_key_that_minted_it(
    stack: RunningStack, fresh_partner: tuple[str, str]
) -> None:
    project, key = fresh_partner
    body = session_body("create", scope={"mode": "create"})
    opened = stack.call("POST", "/v1/embed/sessions", key=key, json=body).json()
    assert ask(stack, "session", opened["session_token"]).status_code == 200
    [listed] = stack.craftkit("keys", "list", "--project", project)["keys"]
    stack.craftkit("keys", "revoke", listed["id"])
    answer = ask(stack, "session", opened["session_token"])
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "session_revoked")


def test_a_suspension_takes_effect_at_the_next_request_and_renders_still_work(
    stack: RunningStack, fresh_partner: tuple[str, str]
) -> None:
    project, key = fresh_partner
    body = session_body("create", scope={"mode": "create"})
    opened = stack.call("POST", "/v1/embed/sessions", key=key, json=body).json()
    stack.craftkit("embed", "suspend", "--project", project)
    minted = stack.call("POST", "/v1/embed/sessions", key=key, json=body)
    assert (minted.status_code, minted.json()["error"]["code"]) == (403, "partner_suspended")
    inside = ask(stack, "session", opened["session_token"])
    assert (inside.status_code, inside.json()["error"]["code"]) == (403, "partner_suspended")
    assert stack.call("GET", "/v1/renders", key=key).status_code == 200
    stack.craftkit("embed", "resume", "--project", project)
    assert ask(stack, "session", opened["session_token"]).status_code == 200


def test_embed_routes_return_401_without_a_partnership(stack: RunningStack) -> None:
    project = stack.craftkit("projects", "create", "--empty", "--name", "No partner")["id"]
    key = stack.craftkit("keys", "create", "--project", project, "--name", "k", "--mode", "test")
    for method, path in (
        ("POST", "/v1/embed/sessions"),
        ("POST", "/v1/embed/catalogs"),
        ("GET", "/v1/embed/catalogs"),
    ):
        answer = stack.call(
            method, path, key=key["key"], json=session_body() if method == "POST" else None
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_credentials")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_catalog_is_published_listed_and_read(stack: RunningStack) -> None:
    fields = [{"key": "name", "label": "Name", "dataType": "text"}]
    catalog = {"namespaces": [{"key": "customer", "label": "Customer", "fields": fields}]}
    body = {"name": "crm", "catalog": catalog}
    first = stack.call("POST", "/v1/embed/catalogs", json=body).json()
    second = stack.call("POST", "/v1/embed/catalogs", json=body).json()
    assert second["version"] == first["version"] + 1
    listed = stack.call("GET", "/v1/embed/catalogs").json()["catalogs"]
    assert ("crm", second["version"]) in [(one["name"], one["version"]) for one in listed]
    pinned = stack.call("GET", f"/v1/embed/catalogs/crm?version={first['version']}").json()
    assert pinned["version"] == first["version"]


def test_a_session_is_refreshed_and_revoked(stack: RunningStack) -> None:
    opened = mint(stack)
    body = {"renewToken": opened["renew_token"]}
    renewed = stack.call("POST", "/v1/embed/sessions/refresh", json=body).json()
    again = stack.call("POST", "/v1/embed/sessions/refresh", json=body)
    assert (again.status_code, again.json()["error"]["code"]) == (401, "refresh_failed")
    assert ask(stack, "session", renewed["session_token"]).status_code == 200
    revoked = stack.call("DELETE", f"/v1/embed/sessions/{opened['session_id']}")
    assert revoked.status_code == 204
    refused = ask(stack, "session", renewed["session_token"])
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "session_revoked")


def test_the_stages_signing_key_is_rotated_without_an_interruption(stack: RunningStack) -> None:
    before = mint(stack)["session_token"]
    rotated = stack.craftkit("embed", "signing", "rotate")
    kids = [key["kid"] for key in jwks(stack)["keys"]]
    assert {rotated["kid"], rotated["replaced"]} <= set(kids)
    assert ask(stack, "session", before).status_code == 200


def test_only_functions_that_sign_can_read_the_signing_secret(stack: RunningStack) -> None:
    """Only the same function can publish a key; forging a token would need both."""
    secret = stack.outputs["EmbedSigningSecret"]
    minting = {"CreateEmbedSession", "RefreshEmbedSession", "ExchangeEmbedToken"}
    for name in minting:
        client = stack.client_of(f"{name}Function", "secretsmanager")
        assert client.get_secret_value(SecretId=secret)["SecretString"]
    for name in ("EmbedPage", "GetJwks", "CreateRender"):
        client = stack.client_of(f"{name}Function", "secretsmanager")
        with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
            client.get_secret_value(SecretId=secret)
        table = stack.client_of(f"{name}Function", "dynamodb")
        with pytest.raises(table.exceptions.ClientError, match="AccessDenied"):
            table.put_item(
                TableName=stack.outputs["EmbedKeysTable"],
                Item={"ring": {"S": "embed"}, "kid": {"S": "forged"}},
            )


def test_another_stages_session_is_refused(stack: RunningStack, staging: RunningStack) -> None:
    token = mint(stack)["session_token"]
    headers = {"Authorization": f"Bearer {token}", "Origin": staging.embed_url}
    answer = staging.call(
        "POST", "/embed/api/session", key="", json={}, headers=headers, at=staging.embed_url
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_signature")
    assert json.loads(answer.text)["error"]["requestId"]
