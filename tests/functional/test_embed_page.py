"""The embedded page: its URL, its requests, and requests that must be refused."""

import base64
import gzip
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar

import jwt
import pytest
from botocore.exceptions import EndpointConnectionError
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from craftkit.embed.page import editing, forms
from craftkit.embed.partners import service as partners
from craftkit.embed.tokens import signing
from craftkit.ids import new_id
from craftkit.renders import service as renders
from craftkit.templates import fonts
from craftkit.templates.fonts import Font
from craftkit.typesetter import FontFace, Preview, SourceError
from testkit.clock import FrozenClock
from testkit.cloud import Cloud
from testkit.embed import PartnerSigner, partnership, session_body
from testkit.project import DATA, DemoProject, make_project, publish

Call = Callable[..., Any]

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGPYCgAA2gDZ2Fe1ewAAAABJRU5ErkJggg=="
SUBMISSION = {"data": DATA, "submissionId": "3f0a1b2c-4d5e-4f60-8192-a3b4c5d6e7f8"}
PAGES = (b"\x89PNG page one", b"\x89PNG page two")


@pytest.fixture
def mint(call: Call, partner: DemoProject) -> Callable[..., str]:
    """`mint("edit", permissions="admin")`: the token of a fresh session of the partner."""

    def token(mode: str = "fill", **changes: Any) -> str:
        answer = call("create_embed_session", partner, body=session_body(mode, **changes))
        assert answer.status == 201, answer.body
        return str(answer.body["session_token"])

    return token


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The jobs of the previews; each has two pages."""
    jobs: list[Any] = []

    def preview(job: Any, _pixels_per_inch: float) -> Preview:
        jobs.append(job)
        return Preview(PAGES, 2)

    monkeypatch.setitem(forms.preview_embed_form.__kwdefaults__, "draw", preview)
    monkeypatch.setitem(editing.preview_embed_template.__kwdefaults__, "draw", preview)
    return jobs


@pytest.fixture(autouse=True)
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker runs: a submitted render stays queued."""
    monkeypatch.setattr("craftkit.renders.dispatch.call", lambda _render: None)


def test_the_function_answers_each_route_that_the_gateway_sends_to_it(cloud: Cloud) -> None:
    events = cloud.template.functions["EmbedPageFunction"]["Events"].values()
    routes = {event["Properties"]["Path"] for event in events}
    assert set(cloud.module("embed_page").ROUTES) == routes


class TestAddress:
    def test_get_embed_page__only_the_partners_sites_can_frame_it(
        self, page: Call, mint: Call
    ) -> None:
        answer = page("get_embed_page", None, query={"session_token": mint()})
        assert answer.status == 200
        policy = answer.headers["Content-Security-Policy"].split("; ")
        frame = "https://app.example.com http://localhost:* http://127.0.0.1:*"
        assert f"frame-ancestors {frame}" in policy
        assert "default-src 'none'" in policy
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"

    def test_get_embed_page__contains_no_token_and_no_inline_code(
        self, page: Call, mint: Call
    ) -> None:
        token = mint()
        answer = page("get_embed_page", None, query={"session_token": token})
        assert token not in answer.text
        assert "<style" not in answer.text
        assert " style=" not in answer.text
        assert answer.text.count("<script") == 1
        assert 'src="embed/assets/page.js?' in answer.text

    def test_get_embed_page__loopback_origins_are_refused_outside_the_local_stage(
        self, monkeypatch: pytest.MonkeyPatch, page: Call, mint: Call
    ) -> None:
        token = mint()
        monkeypatch.setattr("craftkit.config.Config.embed_allows_loopback", False)
        answer = page("get_embed_page", None, query={"session_token": token})
        assert answer.headers["Content-Security-Policy"].endswith(
            "frame-ancestors https://app.example.com"
        )

    def test_get_embed_page__images_are_allowed_from_the_tenants_hosts_only(
        self, page: Call, mint: Call
    ) -> None:
        branding = {"logoUrl": "https://cdn.acme.example/logo.png?x='self'"}
        tenant = {"externalId": "acme", "displayName": "Acme", "branding": branding}
        answer = page("get_embed_page", None, query={"session_token": mint(tenant=tenant)})
        sources = answer.headers["Content-Security-Policy"].split("; ")[3]
        assert sources == "img-src 'self' data: blob: https://cdn.acme.example"

    @pytest.mark.parametrize("token", ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
    def test_get_embed_page__an_invalid_token_is_refused_and_cannot_be_framed(
        self, page: Call, partner: DemoProject, token: str
    ) -> None:
        answer = page("get_embed_page", None, query={"session_token": token})
        assert answer.status == 401
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert "This page cannot be opened" in answer.text

    def test_get_embed_page__an_expired_session_shows_a_message_in_the_partners_frame(
        self, page: Call, mint: Call, clock: FrozenClock
    ) -> None:
        token = mint()
        clock.advance(hours=4)
        answer = page("get_embed_page", None, query={"session_token": token})
        assert answer.status == 401
        assert "https://app.example.com" in answer.headers["Content-Security-Policy"]
        assert "session has expired" in answer.text

    def test_get_embed_page__partner_content_is_escaped(self, page: Call, mint: Call) -> None:
        token = mint(form={"title": "</title><script>alert(1)</script>"})
        answer = page("get_embed_page", None, query={"session_token": token})
        assert "<script>alert" not in answer.text
        assert "&lt;script&gt;alert(1)" in answer.text

    def test_get_embed_asset__is_compressed_cached_and_for_its_own_origin(self, page: Call) -> None:
        first = page("get_embed_asset", None)
        tag = first.headers["ETag"].strip('"')
        pinned = page("get_embed_asset", None, query={tag: ""})
        assert first.headers["Content-Encoding"] == "gzip"
        assert first.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert first.headers["Content-Type"] == "text/css; charset=utf-8"
        assert "immutable" not in first.headers["Cache-Control"]
        assert "immutable" in pinned.headers["Cache-Control"]
        assert b":root" in gzip.decompress(pinned.raw)

    def test_get_embed_asset__embed_js_is_for_every_site(self, page: Call) -> None:
        answer = page("get_embed_asset", None, path="/embed/embed.js")
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert b"window.Craftkit" in gzip.decompress(answer.raw)

    @pytest.mark.parametrize("name", ["nothing.js", "page.css.map", "__init__.py"])
    def test_get_embed_asset__a_missing_asset_is_404(self, page: Call, name: str) -> None:
        answer = page("get_embed_asset", None, path=f"/embed/assets/{name}")
        assert (answer.status, answer.code) == (404, "not_found")


class TestTokens:
    """Requests that every function refuses in the same way."""

    def forged(self, token: str, **changes: Any) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
        return claims | changes

    def test_open_embed_session__without_a_token_is_401_missing_authorization(
        self, page: Call, partner: DemoProject
    ) -> None:
        answer = page("open_embed_session", None)
        assert (answer.status, answer.code) == (401, "missing_authorization")
        assert answer.headers["WWW-Authenticate"] == "Bearer"

    def test_open_embed_session__alg_none_is_401(self, page: Call, mint: Call) -> None:
        token = mint()
        kid = jwt.get_unverified_header(token)["kid"]
        unsigned = jwt.encode(self.forged(token), None, algorithm="none", headers={"kid": kid})
        answer = page("open_embed_session", unsigned)
        assert (answer.status, answer.code) == (401, "invalid_signature")

    def test_open_embed_session__hs256_with_the_public_key_as_secret_is_401(
        self, page: Call, call: Call, partner: DemoProject, mint: Call
    ) -> None:
        token = mint()
        [key] = call("get_jwks", partner).body["keys"]
        public = base64.urlsafe_b64decode(key["x"] + "=")
        for secret in (public, key["x"].encode(), json.dumps(key).encode()):
            # By hand: PyJWT itself would not sign with such a secret.
            head = {"alg": "HS256", "kid": key["kid"], "typ": "JWT"}
            parts = [_base64url(json.dumps(part).encode()) for part in (head, self.forged(token))]
            mac = hmac.digest(secret, ".".join(parts).encode(), "sha256")
            forged = ".".join([*parts, _base64url(mac)])
            answer = page("open_embed_session", forged)
            assert (answer.status, answer.code) == (401, "invalid_signature")

    def test_open_embed_session__another_stages_key_is_401(self, page: Call, mint: Call) -> None:
        token = mint()
        stranger = Ed25519PrivateKey.generate()
        kid = jwt.get_unverified_header(token)["kid"]
        for header in ({"kid": kid}, {"kid": "A" * 43}, {}):
            other = jwt.encode(self.forged(token), stranger, algorithm="EdDSA", headers=header)
            answer = page("open_embed_session", other)
            assert (answer.status, answer.code) == (401, "invalid_signature")

    @pytest.mark.parametrize(
        "changes",
        [
            {"iss": "https://api.craftkit.dev"},
            {"aud": "somebody-else"},
            {"aud": None},
            {"exp": None},
            {"jti": None},
            {"nbf": 99_999_999_999},
            {"iat": 99_999_999_999},
            {"exp": "never"},
            {"ck": "x"},
            {"ck": {}},
        ],
    )
    def test_open_embed_session__wrong_claims_are_401_despite_a_valid_signature(
        self, page: Call, mint: Call, changes: dict[str, Any]
    ) -> None:
        claims = self.forged(mint(), **changes)
        kept = {name: value for name, value in claims.items() if value is not None}
        key = signing.signing_key()
        token = jwt.encode(kept, key.private, algorithm="EdDSA", headers={"kid": key.kid})
        answer = page("open_embed_session", token)
        assert (answer.status, answer.code) == (401, "invalid_signature")

    def test_open_embed_session__altered_claims_are_401(self, page: Call, mint: Call) -> None:
        head, body, signature = mint().split(".")
        claims = json.loads(base64.urlsafe_b64decode(body + "=="))
        claims["ck"]["permissions"] = ["publish"]
        raised = _base64url(json.dumps(claims).encode())
        answer = page("open_embed_session", f"{head}.{raised}.{signature}")
        assert (answer.status, answer.code) == (401, "invalid_signature")

    def test_open_embed_session__expired_is_401_session_expired(
        self, page: Call, mint: Call, clock: FrozenClock
    ) -> None:
        token = mint()
        clock.advance(hours=4)
        answer = page("open_embed_session", token)
        assert (answer.status, answer.code) == (401, "session_expired")

    def test_open_embed_session__not_valid_yet_is_401(
        self, page: Call, mint: Call, clock: FrozenClock
    ) -> None:
        token = mint()
        clock.advance(minutes=-5)
        answer = page("open_embed_session", token)
        assert (answer.status, answer.code) == (401, "invalid_signature")

    def test_open_embed_session__a_token_of_20_kb_is_401(self, page: Call, mint: Call) -> None:
        answer = page("open_embed_session", mint() + "A" * 20_000)
        assert (answer.status, answer.code) == (401, "invalid_signature")

    @pytest.mark.parametrize(
        "function",
        [
            "open_embed_session",
            "preview_embed_form",
            "submit_embed_form",
            "get_embed_document",
            "preview_embed_template",
            "save_embed_draft",
            "publish_embed_template",
        ],
    )
    def test_every_call__of_a_revoked_session_or_a_suspended_partner_is_refused_at_once(
        self, call: Call, page: Call, partner: DemoProject, function: str
    ) -> None:
        opened = call("create_embed_session", partner, body=session_body()).body
        partners.suspend(partner.id, by="operator")
        suspended = page(function, opened["session_token"])
        assert (suspended.status, suspended.code) == (403, "partner_suspended")
        partners.resume(partner.id, by="operator")
        call("revoke_embed_session", partner, path={"id": opened["session_id"]})
        revoked = page(function, opened["session_token"])
        assert (revoked.status, revoked.code) == (401, "session_revoked")

    @pytest.mark.parametrize(
        "origin",
        [
            None,
            "null",
            "http://127.0.0.1:3001",
            "https://127.0.0.1:3000",
            "http://127.0.0.1:3000.evil.example",
            "http://127.0.0.1",
            # The dashboard's and the API's own, which is another host.
            "http://localhost:3000",
            "http://LOCALHOST:3000",
            "https://app.example.com",
        ],
    )
    @pytest.mark.parametrize("function", ["open_embed_session", "exchange_embed_token"])
    def test_every_call__from_another_origin_is_403(
        self, page: Call, mint: Call, function: str, origin: str | None
    ) -> None:
        answer = page(function, mint(), headers={"origin": origin})
        assert (answer.status, answer.code) == (403, "origin_not_allowed")

    def test_every_call__that_a_browser_calls_cross_site_is_403(
        self, page: Call, mint: Call
    ) -> None:
        answer = page("open_embed_session", mint(), headers={"sec-fetch-site": "cross-site"})
        assert (answer.status, answer.code) == (403, "origin_not_allowed")

    def test_a_session_is_401_after_embed_was_disabled(
        self, page: Call, mint: Call, partner: DemoProject
    ) -> None:
        token = mint()
        partners.disable(partner.id, by="operator")
        answer = page("open_embed_session", token)
        assert (answer.status, answer.code) == (401, "invalid_credentials")


class TestPartnerSigned:
    def test_exchange_embed_token__opens_a_session_once(
        self, page: Call, partner: DemoProject, clock: FrozenClock
    ) -> None:
        token = PartnerSigner(partner).sign(clock())
        opened = page("exchange_embed_token", token)
        assert opened.status == 201
        assert page("open_embed_session", opened.body["sessionToken"]).status == 200
        again = page("exchange_embed_token", token)
        assert (again.status, again.code) == (401, "invalid_signature")

    def test_exchange_embed_token__loading_the_page_does_not_use_the_token(
        self, page: Call, partner: DemoProject, clock: FrozenClock
    ) -> None:
        token = PartnerSigner(partner).sign(clock())
        address = page("get_embed_page", None, query={"session_token": token})
        assert address.status == 200
        assert "https://app.example.com" in address.headers["Content-Security-Policy"]
        assert page("exchange_embed_token", token).status == 201

    @pytest.mark.parametrize(
        ("changes", "status", "code"),
        [
            ({"lifetime": timedelta(minutes=6)}, 401, "invalid_signature"),
            ({"lifetime": timedelta(minutes=-1)}, 401, "session_expired"),
            ({"jti": None}, 401, "invalid_signature"),
            ({"jti": "x" * 201}, 401, "invalid_signature"),
            ({"aud": "else"}, 401, "invalid_signature"),
            ({"ck": None}, 401, "invalid_signature"),
            ({"ck": {"scope": {}}}, 400, "invalid_request"),
            ({"ck": session_body(permissions="root")}, 400, "invalid_request"),
        ],
    )
    def test_exchange_embed_token__invalid_claims_are_refused(
        self,
        page: Call,
        partner: DemoProject,
        clock: FrozenClock,
        changes: Any,
        status: int,
        code: str,
    ) -> None:
        answer = page("exchange_embed_token", PartnerSigner(partner).sign(clock(), **changes))
        assert (answer.status, answer.code) == (status, code)

    def test_exchange_embed_token__one_of_two_keys_can_be_revoked(
        self, page: Call, partner: DemoProject, clock: FrozenClock
    ) -> None:
        one, other = PartnerSigner(partner), PartnerSigner(partner)
        partners.revoke_signing_key(partner.id, one.publishable_key, by="operator")
        refused = page("exchange_embed_token", one.sign(clock()))
        assert (refused.status, refused.code) == (401, "session_revoked")
        assert page("exchange_embed_token", other.sign(clock())).status == 201

    def test_a_session_ends_with_the_key_that_opened_it(
        self, page: Call, partner: DemoProject, clock: FrozenClock
    ) -> None:
        signer = PartnerSigner(partner)
        token = page("exchange_embed_token", signer.sign(clock())).body["sessionToken"]
        partners.revoke_signing_key(partner.id, signer.publishable_key, by="operator")
        answer = page("open_embed_session", token)
        assert (answer.status, answer.code) == (401, "session_revoked")

    def test_exchange_embed_token__a_token_with_another_partners_id_is_401(
        self, page: Call, partner: DemoProject, clock: FrozenClock
    ) -> None:
        other = make_project(name="Other")
        partnership(other)
        theirs = PartnerSigner(other).publishable_key
        answer = page("exchange_embed_token", PartnerSigner(partner).sign(clock(), iss=theirs))
        assert (answer.status, answer.code) == (401, "invalid_signature")

    def test_exchange_embed_token__a_token_signed_by_the_stage_is_refused(
        self, page: Call, mint: Call
    ) -> None:
        answer = page("exchange_embed_token", mint())
        assert (answer.status, answer.code) == (401, "invalid_signature")

    def test_exchange_embed_token__a_suspended_partner_is_403(
        self, page: Call, partner: DemoProject, clock: FrozenClock
    ) -> None:
        token = PartnerSigner(partner).sign(clock())
        partners.suspend(partner.id, by="operator")
        answer = page("exchange_embed_token", token)
        assert (answer.status, answer.code) == (403, "partner_suspended")

    def test_a_partners_document_has_the_mode_of_its_signing_key(
        self, page: Call, partner: DemoProject, clock: FrozenClock
    ) -> None:
        for mode in ("live", "test"):
            signed = PartnerSigner(partner, mode).sign(clock(), jti=mode)
            token = page("exchange_embed_token", signed).body["sessionToken"]
            assert page("submit_embed_form", token, SUBMISSION).body["mode"] == mode


class TestFill:
    def test_open_embed_session__returns_the_form_without_project_data(
        self, page: Call, mint: Call, partner: DemoProject
    ) -> None:
        form = {"title": "Your invoice", "data": {"number": "7"}, "metadata": {"order": "secret"}}
        answer = page("open_embed_session", mint(form=form))
        assert answer.status == 200
        assert answer.body["session"]["mode"] == "fill"
        assert answer.body["session"]["form"]["data"] == {"number": "7"}
        assert answer.body["template"]["versionNumber"] == 1
        assert [one["key"] for one in answer.body["template"]["manifest"]["loops"]] == ["items"]
        for hidden in (partner.id, "secret", "= Invoice"):
            assert hidden not in answer.text

    def test_preview_embed_form__fills_missing_values_with_samples(
        self, page: Call, mint: Call, drawn: list[Any]
    ) -> None:
        data = {"customer": {"name": "Ada"}, "items": [{"name": "Wheel", "qty": "many"}, {}]}
        answer = page("preview_embed_form", mint(), {"data": data, "scale": 2})
        assert answer.status == 200
        assert [base64.b64decode(one) for one in answer.body["pages"]] == list(PAGES)
        [job] = drawn
        assert job.data["customer"] == {"name": "Ada"}
        assert job.data["items"][0]["name"] == "Wheel"
        assert all(item["qty"] and item["price"] for item in job.data["items"])
        assert job.data["number"] is None

    def test_preview_embed_form__lists_the_replaced_values_with_reasons(
        self, page: Call, mint: Call, drawn: list[Any]
    ) -> None:
        data = {"total": "9" * 40, "items": [{"name": "Wheel", "qty": "many", "price": ""}]}
        replaced = page("preview_embed_form", mint(), {"data": data}).body["replaced"]
        assert set(replaced) == {"total", "items.0.qty"}
        assert "whole digits" in replaced["total"][0]
        assert "replaced" not in page("preview_embed_form", mint(), {"data": {}}).body

    def test_preview_embed_form__uses_the_fonts_of_its_version(
        self, page: Call, mint: Call, partner: DemoProject, drawn: list[Any]
    ) -> None:
        font = add_brand_sans(partner)
        publish(partner.id, "invoice", source='#set text(font: "Brand Sans")\nHi')
        fonts.remove_font(partner.id, font.name)
        assert page("preview_embed_form", mint(), {"data": {}}).status == 200
        assert drawn[0].font_files == {font.name: font.key}

    @pytest.mark.parametrize(
        "data",
        [
            {},
            {"items": "x"},
            {"items": [1, None, {"name": {}}]},
            {"customer": [], "total": {}},
            {"__proto__": {"name": "x"}, "constructor": 1},
        ],
    )
    def test_preview_embed_form__takes_any_data(
        self, page: Call, mint: Call, drawn: list[Any], data: Any
    ) -> None:
        assert page("preview_embed_form", mint(), {"data": data}).status == 200
        assert "__proto__" not in drawn[0].data

    def test_preview_embed_form__a_failing_template_is_reported_in_a_200(
        self, page: Call, mint: Call, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fails(*_: Any) -> Any:
            raise SourceError("unknown variable: total", 3, 5)

        monkeypatch.setitem(forms.preview_embed_form.__kwdefaults__, "draw", fails)
        answer = page("preview_embed_form", mint(), {"data": {}})
        problem = {"message": "unknown variable: total", "line": 3, "column": 5}
        assert answer.body == {"pages": [], "pageCount": 0, "problem": problem}

    def test_submit_embed_form__creates_a_render_of_source_form_and_an_audit_entry(
        self, cloud: Cloud, page: Call, mint: Call
    ) -> None:
        token = mint(form={"filename": "Invoice 7.pdf", "metadata": {"order": "7"}})
        answer = page("submit_embed_form", token, SUBMISSION)
        assert answer.status == 201
        assert answer.body["status"] == "queued"
        assert answer.body["filename"] == "Invoice 7.pdf"
        assert answer.body["metadata"] == {"order": "7"}
        [row] = [
            row
            for row in cloud.table("RendersTable").scan()["Items"]
            if row["render_id"] == answer.body["id"]
        ]
        assert row["source"] == "form"
        rows = cloud.table("AuditTable").scan()["Items"]
        [entry] = [row for row in rows if row.get("action") == "form.submitted"]
        assert entry["target"] == answer.body["id"]
        assert entry["actor"] == "actor:acme/u-17"

    def test_submit_embed_form__the_same_submission_is_the_same_render(
        self, cloud: Cloud, page: Call, mint: Call
    ) -> None:
        token = mint()
        first = page("submit_embed_form", token, SUBMISSION)
        second = page("submit_embed_form", token, SUBMISSION)
        assert (second.status, second.body["id"]) == (201, first.body["id"])
        rows = cloud.table("AuditTable").scan()["Items"]
        assert len([row for row in rows if row.get("action") == "form.submitted"]) == 1

    def test_submit_embed_form__names_each_invalid_field(
        self, cloud: Cloud, page: Call, mint: Call
    ) -> None:
        data = {"customer": {}, "items": [{"name": "n", "qty": "many", "price": 1}], "total": 1}
        answer = page("submit_embed_form", mint(), {**SUBMISSION, "data": data})
        assert (answer.status, answer.code) == (400, "invalid_input_data")
        assert set(answer.field_errors) == {"customer.name", "items.0.qty"}
        assert cloud.table("RendersTable").scan()["Items"] == []

    def test_errors_do_not_repeat_invalid_values(
        self, page: Call, mint: Call, drawn: list[Any]
    ) -> None:
        """The partner's error log would store it."""
        data = {**DATA, "total": "salary-of-ada"}
        for call, body in (
            ("preview_embed_form", {"data": data}),
            ("submit_embed_form", {**SUBMISSION, "data": data}),
        ):
            assert "salary-of-ada" not in page(call, mint(), body).text

    def test_submit_embed_form__drops_proto_and_unknown_keys(
        self, page: Call, mint: Call, cloud: Cloud
    ) -> None:
        data = {**DATA, "__proto__": {"polluted": True}, "constructor": {"prototype": 1}}
        assert page("submit_embed_form", mint(), {**SUBMISSION, "data": data}).status == 201

    def test_submit_embed_form__a_locked_value_cannot_be_changed(
        self, page: Call, mint: Call, partner: DemoProject
    ) -> None:
        given = {"customer": {"name": "Ada"}, "total": "10"}
        form = {"data": given, "locked": ["customer", "number"]}
        data = {**DATA, "customer": {"name": "Mallory"}, "number": "666"}
        answer = page("submit_embed_form", mint(form=form), {**SUBMISSION, "data": data})
        kept = renders.get_data(renders.get_render(partner.id, answer.body["id"]))
        assert kept["customer"] == {"name": "Ada"}
        assert kept["number"] is None
        assert kept["total"] == "1200.00"

    @pytest.mark.parametrize("path", ["nothing", "items.name", "customer.name.x", "items.0"])
    def test_create_embed_session__a_locked_field_must_exist_in_the_template(
        self, call: Call, partner: DemoProject, path: str
    ) -> None:
        answer = call("create_embed_session", partner, body=session_body(form={"locked": [path]}))
        assert list(answer.field_errors) == ["form.locked.0"]
        assert path not in answer.body["error"]["issues"]["fieldErrors"]["form.locked.0"][0]

    def test_preview_embed_form__of_a_large_document_the_first_pages_are_shown(
        self, page: Call, mint: Call, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        large = Preview.of([b"x" * 2_000_000] * 40)
        monkeypatch.setitem(forms.preview_embed_form.__kwdefaults__, "draw", lambda *_: large)
        answer = page("preview_embed_form", mint(), {"data": {}})
        assert (len(answer.body["pages"]), answer.body["pageCount"]) == (2, 40)
        assert len(answer.raw) < 6 * 1024 * 1024

    def test_submit_embed_form__is_limited_by_the_sessions_submissions(
        self, page: Call, mint: Call
    ) -> None:
        token = mint(limits={"submissions": 1})
        assert page("submit_embed_form", token, SUBMISSION).status == 201
        again = page("submit_embed_form", token, {**SUBMISSION, "submissionId": "another-one"})
        assert (again.status, again.code) == (403, "permission_denied")
        assert page("submit_embed_form", token, SUBMISSION).status == 201

    def test_submit_embed_form__is_limited_by_the_size_of_the_sessions_row(
        self, cloud: Cloud, page: Call, mint: Call
    ) -> None:
        """The session's row lists each document; before, it returned 500 at 400 KB."""
        token = mint()
        assert page("submit_embed_form", token, SUBMISSION).status == 201
        table = cloud.table("EmbedSessionsTable")
        (row,) = (row for row in table.scan()["Items"] if "submissions" in row)
        ids = row["render_ids"] | {new_id() for _ in range(1_999)}
        table.put_item(Item={**row, "submissions": 2_000, "render_ids": ids})
        again = page("submit_embed_form", token, {**SUBMISSION, "submissionId": "another-one"})
        assert (again.status, again.code) == (403, "permission_denied")

    def test_submit_embed_form__is_limited_by_the_sessions_items(
        self, page: Call, mint: Call
    ) -> None:
        data = {**DATA, "items": DATA["items"] * 3}
        answer = page("submit_embed_form", mint(limits={"items": 2}), {**SUBMISSION, "data": data})
        assert answer.field_errors == {"items": ["At most 2 items"]}

    def test_submit_embed_form__an_unreachable_queue_keeps_the_render(
        self, page: Call, mint: Call, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Broken:
            def send_message(self, **_: Any) -> None:
                raise EndpointConnectionError(endpoint_url="https://sqs")

        monkeypatch.setattr("craftkit.queues._sqs", Broken)
        token = mint()
        render = page("submit_embed_form", token, SUBMISSION)
        assert (render.status, render.body["status"]) == (201, "queued")
        found = page("get_embed_document", token, {"renderId": render.body["id"]})
        assert found.body["status"] == "queued"

    @pytest.mark.parametrize(
        ("uri", "fault"),
        [
            (
                "data:image/png;base64," + base64.b64encode(b"<html><script>").decode(),
                "The file was sent as PNG, but its content is not of this type",
            ),
            (
                "data:image/jpeg;base64," + PNG,
                "The file was sent as JPEG, but its content is not of this type",
            ),
            ("data:image/png;base64," + "A" * 7_000_001, None),
            ("data:text/html;base64,PGI+", "Must be an http(s) URL or a data: URI of an image"),
            ("javascript:alert(1)", "Must be an http(s) URL or a data: URI of an image"),
        ],
    )
    def test_submit_embed_form__a_file_that_is_no_image_has_an_error_at_its_field(
        self, page: Call, mint: Call, partner: DemoProject, uri: str, fault: str | None
    ) -> None:
        manifest = {"variables": [{"key": "logo", "label": "Logo", "dataType": "image"}]}
        publish(partner.id, "poster", manifest)
        token = mint(scope={"mode": "fill", "templateExternalId": "poster"})
        answer = page("submit_embed_form", token, {**SUBMISSION, "data": {"logo": uri}})
        if fault is None:
            assert (answer.status, answer.code) == (413, "payload_too_large")
        else:
            assert answer.field_errors == {"logo": [fault]}

    def test_submit_embed_form__an_image_is_accepted(
        self, page: Call, mint: Call, partner: DemoProject
    ) -> None:
        manifest = {"variables": [{"key": "logo", "label": "Logo", "dataType": "image"}]}
        publish(partner.id, "poster", manifest)
        token = mint(scope={"mode": "fill", "templateExternalId": "poster"})
        data = {"logo": f"data:image/png;base64,{PNG}"}
        assert page("submit_embed_form", token, {**SUBMISSION, "data": data}).status == 201

    def test_submit_embed_form__11_mb_is_413(self, page: Call, mint: Call) -> None:
        data = {"number": "x" * 11_000_000}
        answer = page("submit_embed_form", mint(), {**SUBMISSION, "data": data})
        assert (answer.status, answer.code) == (413, "payload_too_large")

    def test_a_session_keeps_its_template_version(
        self, page: Call, mint: Call, partner: DemoProject
    ) -> None:
        token = mint()
        publish(partner.id, "invoice")
        assert page("open_embed_session", token).body["template"]["versionNumber"] == 1
        assert page("submit_embed_form", token, SUBMISSION).body["versionNumber"] == 1


class TestBoundaries:
    def test_get_embed_document__another_tenants_and_an_unknown_one_are_the_same_404(
        self, page: Call, mint: Call
    ) -> None:
        theirs = page("submit_embed_form", mint(), SUBMISSION).body["id"]
        tenant = {"externalId": "globex", "displayName": "Globex"}
        stranger = mint(tenant=tenant)
        foreign = page("get_embed_document", stranger, {"renderId": theirs})
        unknown = page("get_embed_document", stranger, {"renderId": new_id()})
        assert (foreign.status, foreign.body) == (404, unknown.body)

    def test_get_embed_document__a_render_of_the_api_is_404(
        self, call: Call, page: Call, mint: Call, partner: DemoProject
    ) -> None:
        render = call("create_render", partner).body
        answer = page("get_embed_document", mint(), {"renderId": render["id"]})
        assert (answer.status, answer.code) == (404, "not_found")

    @pytest.mark.parametrize(
        ("mode", "function", "body"),
        [
            ("view", "submit_embed_form", SUBMISSION),
            ("fill", "preview_embed_template", {}),
            ("fill", "save_embed_draft", {}),
            ("fill", "publish_embed_template", {}),
            ("edit", "submit_embed_form", SUBMISSION),
            ("edit", "preview_embed_form", {}),
        ],
    )
    def test_a_session_of_another_mode_is_403_wrong_mode(
        self, page: Call, mint: Call, mode: str, function: str, body: Any
    ) -> None:
        token = mint(mode, permissions="admin")
        answer = page(function, token, body)
        assert (answer.status, answer.code) == (403, "wrong_mode")

    def test_view__shows_a_render_of_the_project_with_its_own_data(
        self, call: Call, page: Call, mint: Call, partner: DemoProject, drawn: list[Any]
    ) -> None:
        render = call("create_render", partner, body={"data": DATA}).body
        token = mint("view", form={"renderId": render["id"]})
        page("preview_embed_form", token, {})
        assert drawn[0].data["customer"] == {"name": "Ada Lovelace"}
        assert page("get_embed_document", token, {"renderId": render["id"]}).status == 200

    def test_view__a_render_of_another_template_or_project_is_404(
        self, call: Call, partner: DemoProject
    ) -> None:
        publish(partner.id, "quote")
        other = make_project(name="Other")
        foreign = call("create_render", other).body["id"]
        own = call("create_render", partner).body["id"]
        for slug, render_id in (("invoice", foreign), ("quote", own)):
            scope = {"mode": "view", "templateExternalId": slug}
            body = session_body(scope=scope, form={"renderId": render_id})
            answer = call("create_embed_session", partner, body=body)
            assert (answer.status, answer.code) == (404, "not_found")


class TestEdit:
    WRITING: ClassVar[dict[str, Any]] = {
        "name": "Letter",
        "manifest": {"variables": [{"key": "to", "label": "To", "dataType": "text"}]},
        "source": "= Dear #data.to",
    }

    @pytest.fixture(autouse=True)
    def compiles(self, monkeypatch: pytest.MonkeyPatch, typesetter: Any) -> None:
        monkeypatch.setitem(editing.publish_embed_template.__kwdefaults__, "typeset", typesetter)

    def test_open_embed_session__the_editor_shows_the_newest_version(
        self, page: Call, mint: Call
    ) -> None:
        writing = page("open_embed_session", mint("edit")).body["writing"]
        assert writing["source"].startswith('#import "/craftkit.typ"')
        assert writing["revision"] == 0

    def test_save_embed_draft__the_next_session_shows_the_draft(
        self, page: Call, mint: Call
    ) -> None:
        saved = page("save_embed_draft", mint("edit"), {**self.WRITING, "revision": 0})
        assert (saved.status, saved.body["revision"]) == (200, 1)
        writing = page("open_embed_session", mint("edit")).body["writing"]
        assert (writing["source"], writing["revision"]) == ("= Dear #data.to", 1)

    def test_save_embed_draft__a_draft_saved_elsewhere_is_409(self, page: Call, mint: Call) -> None:
        page("save_embed_draft", mint("edit"), {**self.WRITING, "revision": 0})
        late = page("save_embed_draft", mint("edit"), {**self.WRITING, "revision": 0})
        assert (late.status, late.code) == (409, "conflict")

    def test_publish_embed_template__without_the_permission_is_403(
        self, page: Call, mint: Call
    ) -> None:
        answer = page("publish_embed_template", mint("edit", permissions="editor"), self.WRITING)
        assert (answer.status, answer.code) == (403, "permission_denied")

    def test_publish_embed_template__creates_the_next_version_and_deletes_the_draft(
        self, page: Call, mint: Call
    ) -> None:
        token = mint("edit", permissions="admin")
        page("save_embed_draft", token, {**self.WRITING, "revision": 0})
        answer = page("publish_embed_template", token, self.WRITING)
        assert (answer.status, answer.body) == (201, {"slug": "invoice", "versionNumber": 2})
        assert page("open_embed_session", token).body["writing"]["revision"] == 0

    def test_publish_embed_template__names_the_line_that_does_not_compile(
        self, page: Call, mint: Call, typesetter: Any
    ) -> None:
        typesetter.failure = SourceError("unclosed delimiter", 2, 7)
        answer = page("publish_embed_template", mint("edit", permissions="admin"), self.WRITING)
        assert answer.field_errors == {"source": ["Line 2, column 7: unclosed delimiter"]}

    def test_publish_embed_template__mode_create_uses_a_free_slug_from_then_on(
        self, page: Call, mint: Call, partner: DemoProject
    ) -> None:
        token = mint("create", scope={"mode": "create"}, permissions="admin")
        first = page("publish_embed_template", token, {**self.WRITING, "name": "Invoice"})
        assert first.status == 201
        assert first.body["slug"] != "invoice"
        assert first.body["slug"].startswith("invoice-")
        second = page("publish_embed_template", token, {**self.WRITING, "name": "Renamed"})
        assert second.body == {"slug": first.body["slug"], "versionNumber": 2}

    def test_publish_embed_template__mode_create_with_an_existing_slug_is_409(
        self, page: Call, mint: Call
    ) -> None:
        token = mint("create", permissions="admin")
        answer = page("publish_embed_template", token, self.WRITING)
        assert (answer.status, answer.code) == (409, "conflict")
        saved = page("save_embed_draft", token, {**self.WRITING, "revision": 0})
        assert (saved.status, saved.code) == (409, "conflict")

    def test_publish_embed_template__fields_outside_the_catalog_are_refused(
        self, call: Call, page: Call, mint: Call, partner: DemoProject
    ) -> None:
        call("publish_catalog", partner)
        token = mint("edit", permissions="admin", catalogRef={"name": "crm"})
        beyond = page("publish_embed_template", token, self.WRITING)
        assert beyond.field_errors == {"manifest.to": ["Is not in the catalog"]}
        retyped = {"key": "customer.name", "label": "N", "dataType": "number"}
        other = page("publish_embed_template", token, {
            **self.WRITING, "manifest": {"variables": [retyped]}})  # fmt: skip
        assert other.field_errors == {"manifest.customer.name": ["Is of type text in the catalog"]}
        within = {**self.WRITING, "manifest": {"variables": [{**retyped, "dataType": "text"}]}}
        assert page("publish_embed_template", token, within).status == 201

    def test_open_embed_session__a_session_keeps_its_catalog_version(
        self, call: Call, page: Call, mint: Call, partner: DemoProject
    ) -> None:
        call("publish_catalog", partner)
        token = mint("edit", catalogRef={"name": "crm"})
        call("publish_catalog", partner, body={"name": "crm", "catalog": {"allowCustom": True}})
        assert page("open_embed_session", token).body["catalog"]["allowCustom"] is False

    def test_open_embed_session__an_inline_catalog_is_stored_with_its_session(
        self, page: Call, mint: Call, partner: DemoProject
    ) -> None:
        fields = [{"key": "name", "label": "Name", "dataType": "text"}]
        catalog = {"namespaces": [{"key": "guest", "label": "Guest", "fields": fields}]}
        token = mint("create", scope={"mode": "create"}, variableCatalog=catalog)
        body = page("open_embed_session", token).body
        assert body["catalog"]["namespaces"][0]["key"] == "guest"
        assert body["writing"]["manifest"]["variables"][0]["key"] == "guest.name"

    def test_preview_embed_template__generates_a_missing_source(
        self, page: Call, mint: Call, drawn: list[Any]
    ) -> None:
        answer = page("preview_embed_template", mint("edit"), {**self.WRITING, "source": ""})
        assert len(answer.body["pages"]) == 2
        assert answer.body["source"] == drawn[0].source != ""

    def test_preview_embed_template__uses_the_fonts_of_the_project(
        self, page: Call, mint: Call, partner: DemoProject, drawn: list[Any]
    ) -> None:
        font = add_brand_sans(partner)
        writing = {**self.WRITING, "source": '#set text(font: "Brand Sans")\nHi'}
        assert page("preview_embed_template", mint("edit"), writing).status == 200
        assert drawn[0].font_files == {font.name: font.key}

    @pytest.mark.parametrize(
        "manifest",
        [
            {"variables": [{"key": "a.b", "label": "", "dataType": "text"}]},
            {"loops": [{"key": "a.b", "label": "L", "itemFields": []}]},
            {"variables": [{"key": "n", "label": "N", "dataType": "number", "previewData": "x"}]},
        ],
    )
    def test_preview_embed_template__an_invalid_manifest_is_reported_in_a_200(
        self, page: Call, mint: Call, drawn: list[Any], manifest: Any
    ) -> None:
        answer = page(
            "preview_embed_template", mint("edit"), {**self.WRITING, "manifest": manifest}
        )
        assert answer.status == 200
        assert answer.body["problem"]["message"]


def add_brand_sans(project: DemoProject) -> Font:
    return fonts.add_font(
        project.id, b"a font", by="tester", check=lambda _: FontFace("Brand Sans", 400, "normal")
    )


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
