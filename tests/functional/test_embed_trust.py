"""Limits of a key's sessions: templates, the other mode, the end of the key."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar

import jwt
import pytest

from craftkit.auth.principal import EMBED_EDIT, EMBED_WRITE, SCOPES
from craftkit.config import Config
from craftkit.embed.page import editing, forms
from craftkit.embed.partners import service as partners
from craftkit.keys import limiting
from craftkit.keys import service as keys
from craftkit.keys.models import NewKey
from craftkit.limits.models import LimitsChange
from craftkit.templates import service as templates
from craftkit.typesetter import Preview
from testkit.clock import FrozenClock
from testkit.embed import PartnerSigner, partnership, session_body
from testkit.project import DATA, DemoProject, make_project

Call = Callable[..., Any]

SUBMISSION = {"data": DATA, "submissionId": "3f0a1b2c-4d5e-4f60-8192-a3b4c5d6e7f8"}
WRITING: dict[str, Any] = {
    "name": "Letter",
    "manifest": {"variables": [{"key": "to", "label": "To", "dataType": "text"}]},
    "source": "= Dear #data.to",
}


@pytest.fixture(autouse=True)
def compiles(monkeypatch: pytest.MonkeyPatch, typesetter: Any) -> None:
    monkeypatch.setitem(editing.publish_embed_template.__kwdefaults__, "typeset", typesetter)
    monkeypatch.setattr("craftkit.renders.dispatch.call", lambda _render: None)


def with_key(partner: DemoProject, **settings: Any) -> DemoProject:
    """The same project with another of its keys."""
    asked = NewKey(name="Other", **{"mode": "live", "scopes": SCOPES, **settings})
    return replace(partner, key=keys.create_key(partner.id, asked, by="tester"))


def permissions_in(answer: Any) -> list[str]:
    claims = jwt.decode(answer.body["session_token"], options={"verify_signature": False})
    return list(claims["ck"]["permissions"])


class TestScope:
    @pytest.mark.parametrize("mode", ["live", "test"])
    @pytest.mark.parametrize("scope", [
        {"mode": "edit", "templateExternalId": "invoice"}, {"mode": "create"},
    ])  # fmt: skip
    def test_create_embed_session__a_default_key_cannot_open_edit_sessions(
        self, call: Call, partner: DemoProject, mode: str, scope: dict[str, str]
    ) -> None:
        default = with_key(partner, mode=mode, scopes=())
        body = session_body(scope=scope, permissions="admin")
        answer = call("create_embed_session", default, body=body)
        assert (answer.status, answer.code) == (403, "insufficient_scope")
        assert EMBED_EDIT in answer.body["error"]["message"]

    def test_create_embed_session__embed_edit_without_embed_write_is_403(
        self, call: Call, partner: DemoProject
    ) -> None:
        answer = call(
            "create_embed_session",
            with_key(partner, scopes=(EMBED_EDIT,)),
            body=session_body("edit"),
        )
        assert answer.code == "insufficient_scope"
        assert EMBED_WRITE in answer.body["error"]["message"]

    def test_create_embed_session__edit_without_a_partnership_is_401(
        self, call: Call, cloud: Any
    ) -> None:
        answer = call("create_embed_session", make_project(), body=session_body("edit"))
        assert (answer.status, answer.code) == (401, "invalid_credentials")

    def test_create_embed_session__permissions_of_a_preset_are_limited_to_the_keys_scopes(
        self, call: Call, partner: DemoProject
    ) -> None:
        default = with_key(partner, scopes=())
        answer = call("create_embed_session", default, body=session_body(permissions="admin"))
        assert permissions_in(answer) == ["view", "fill"]

    def test_create_embed_session__permissions_beyond_the_keys_scopes_are_403(
        self, call: Call, partner: DemoProject
    ) -> None:
        default = with_key(partner, scopes=())
        body = session_body(permissions=["view", "fill", "publish"])
        answer = call("create_embed_session", default, body=body)
        assert (answer.status, answer.code) == (403, "insufficient_scope")

    def test_create_embed_session__permissions_outside_of_the_presets_are_400(
        self, call: Call, partner: DemoProject
    ) -> None:
        partners.set_presets(partner.id, {"admin": ["view", "fill", "edit"]}, by="operator")
        body = session_body("edit", permissions=["view", "edit", "publish"])
        answer = call("create_embed_session", partner, body=body)
        assert (answer.status, answer.code) == (400, "invalid_request")
        assert "publish" in answer.field_errors["permissions"][0]
        narrowed = call(
            "create_embed_session", partner, body=session_body("edit", permissions="admin")
        )
        assert permissions_in(narrowed) == ["view", "fill", "edit"]

    def test_publish_embed_template__a_test_session_never_publishes(
        self, call: Call, page: Call, partner: DemoProject
    ) -> None:
        tester = with_key(partner, mode="test")
        for permissions in ("admin", ["view", "edit", "publish"]):
            body = session_body("edit", permissions=permissions)
            opened = call("create_embed_session", tester, body=body)
            assert "publish" not in permissions_in(opened)
            answer = page("publish_embed_template", opened.body["session_token"], WRITING)
            assert (answer.status, answer.code) == (403, "permission_denied")
        assert templates.get_template(partner.id, "invoice").latest_version == 1

    def test_publish_embed_template__a_session_that_a_test_signing_key_opened_never_publishes(
        self, page: Call, partner: DemoProject, clock: FrozenClock
    ) -> None:
        signed = PartnerSigner(partner, "test").sign(
            clock(), ck=session_body("edit", permissions="admin")
        )
        token = page("exchange_embed_token", signed).body["sessionToken"]
        answer = page("publish_embed_template", token, WRITING)
        assert (answer.status, answer.code) == (403, "permission_denied")


class TestEndOfKey:
    CALLS: ClassVar[dict[str, Any]] = {
        "open_embed_session": None,
        "preview_embed_form": {},
        "submit_embed_form": SUBMISSION,
        "get_embed_document": {"renderId": "x"},
        "preview_embed_template": {},
        "save_embed_draft": WRITING,
        "publish_embed_template": WRITING,
    }

    @pytest.mark.parametrize("function", CALLS)
    def test_every_call__of_a_session_whose_key_was_revoked_is_401_at_once(
        self, call: Call, page: Call, partner: DemoProject, function: str
    ) -> None:
        body = session_body("edit", permissions="admin")
        token = call("create_embed_session", partner, body=body).body["session_token"]
        keys.revoke_key(partner.key.key.id, by="tester")
        answer = page(function, token, self.CALLS[function])
        assert (answer.status, answer.code) == (401, "session_revoked")
        address = page("get_embed_page", None, query={"session_token": token})
        assert address.status == 401

    def test_open_embed_session__of_a_key_that_expired_is_401(
        self, call: Call, page: Call, partner: DemoProject, clock: FrozenClock
    ) -> None:
        short = with_key(partner, expires_at=clock() + timedelta(hours=1))
        token = call("create_embed_session", short, body=session_body()).body["session_token"]
        assert page("open_embed_session", token).status == 200
        clock.advance(hours=1)
        answer = page("open_embed_session", token)
        assert (answer.status, answer.code) == (401, "session_revoked")

    def test_open_embed_session__works_after_a_rotation_of_the_key(
        self, call: Call, page: Call, partner: DemoProject
    ) -> None:
        token = call("create_embed_session", partner, body=session_body()).body["session_token"]
        keys.rotate_key(partner.key.key.id, by="tester")
        assert page("open_embed_session", token).status == 200

    def test_refresh_embed_session__of_a_revoked_key_is_401_with_another_key_too(
        self, call: Call, partner: DemoProject
    ) -> None:
        opened = call("create_embed_session", partner, body=session_body()).body
        successor = with_key(partner)
        keys.revoke_key(partner.key.key.id, by="tester")
        body = {"renewToken": opened["renew_token"]}
        answer = call("refresh_embed_session", successor, body=body)
        assert (answer.status, answer.code) == (401, "refresh_failed")

    def test_refresh_embed_session__an_editing_session_needs_embed_edit(
        self, call: Call, partner: DemoProject
    ) -> None:
        opened = call("create_embed_session", partner, body=session_body("edit")).body
        body = {"renewToken": opened["renew_token"]}
        refused = call("refresh_embed_session", with_key(partner, scopes=()), body=body)
        assert (refused.status, refused.code) == (401, "refresh_failed")
        assert call("refresh_embed_session", partner, body=body).status == 200


class TestMode:
    def test_refresh_and_revoke__sessions_of_the_other_mode_are_404(
        self, call: Call, page: Call, partner: DemoProject
    ) -> None:
        opened = call("create_embed_session", partner, body=session_body()).body
        tester = with_key(partner, mode="test")
        body = {"renewToken": opened["renew_token"]}
        refused = call("refresh_embed_session", tester, body=body)
        assert (refused.status, refused.code) == (401, "refresh_failed")
        revoked = call("revoke_embed_session", tester, path={"id": opened["session_id"]})
        assert (revoked.status, revoked.code) == (404, "not_found")
        assert page("open_embed_session", opened["session_token"]).status == 200

    def test_create_embed_session__a_view_of_the_other_modes_render_is_404(
        self, call: Call, partner: DemoProject
    ) -> None:
        live = call("create_render", partner, body={"data": DATA}).body["id"]
        tester = with_key(partner, mode="test")
        body = session_body("view", form={"renderId": live})
        answer = call("create_embed_session", tester, body=body)
        assert (answer.status, answer.code) == (404, "not_found")


class TestConfinedKey:
    def test_revoke_embed_session__of_another_template_is_404(
        self, call: Call, page: Call, partner: DemoProject
    ) -> None:
        opened = call("create_embed_session", partner, body=session_body()).body
        confined = with_key(partner, templates=("quote",))
        answer = call("revoke_embed_session", confined, path={"id": opened["session_id"]})
        assert (answer.status, answer.code) == (404, "not_found")
        assert page("open_embed_session", opened["session_token"]).status == 200
        own = with_key(partner, templates=("invoice",))
        path = {"id": opened["session_id"]}
        assert call("revoke_embed_session", own, path=path).status == 204

    def test_publish_catalog__a_key_limited_to_templates_is_403(
        self, call: Call, partner: DemoProject
    ) -> None:
        confined = with_key(partner, templates=("invoice",))
        answer = call("publish_catalog", confined)
        assert (answer.status, answer.code) == (403, "insufficient_scope")
        assert call("publish_catalog", partner).status == 201
        assert call("get_catalog", confined).status == 200


class TestCreate:
    def test_two_sessions_of_one_slug__cannot_overwrite_each_other(
        self, call: Call, page: Call, partner: DemoProject, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The second publishes while the first, which found the slug free, still compiles."""
        body = session_body("create", scope={"mode": "create"}, permissions="admin")
        first, second = (
            call("create_embed_session", partner, body=body).body["session_token"] for _ in range(2)
        )
        answers: list[Any] = []
        compile_now = editing.publish_embed_template.__kwdefaults__["typeset"]

        def compile_late(job: Any) -> Any:
            if not answers:
                answers.append(None)
                answers.append(page("publish_embed_template", second, WRITING))
            return compile_now(job)

        monkeypatch.setitem(editing.publish_embed_template.__kwdefaults__, "typeset", compile_late)
        late = page("publish_embed_template", first, WRITING)
        assert answers[1].body == {"slug": "letter", "versionNumber": 1}
        assert late.status == 201
        assert late.body["slug"].startswith("letter-")
        assert late.body["versionNumber"] == 1

    def test_two_sessions_of_one_id__the_later_is_409(
        self, call: Call, page: Call, partner: DemoProject
    ) -> None:
        scope = {"mode": "create", "templateExternalId": "letter"}
        first, second = (
            call("create_embed_session", partner, body=session_body(scope=scope)).body[
                "session_token"
            ]
            for _ in range(2)
        )
        assert page("save_embed_draft", first, {**WRITING, "revision": 0}).status == 200
        answer = page("save_embed_draft", second, {**WRITING, "revision": 0})
        assert (answer.status, answer.code) == (409, "conflict")


class TestPreviewLimits:
    @pytest.fixture
    def drawing(self, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
        """Calls that are made while a preview runs, one for each preview."""
        meanwhile: list[Any] = []

        def draw(*_: Any) -> Preview:
            if meanwhile:
                meanwhile.pop()()
            return Preview((b"page",), 1)

        monkeypatch.setitem(forms.preview_embed_form.__kwdefaults__, "draw", draw)
        monkeypatch.setitem(editing.preview_embed_template.__kwdefaults__, "draw", draw)
        return meanwhile

    def test_preview_embed_form__too_many_concurrent_previews_are_429(
        self, call: Call, page: Call, partner: DemoProject, drawing: list[Any],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        monkeypatch.setattr(Config, "previews_per_project", 1)
        body = session_body("edit", permissions="admin")
        form = call("create_embed_session", partner, body=session_body()).body["session_token"]
        editor = call("create_embed_session", partner, body=body).body["session_token"]
        refused: list[Any] = []
        for name, sent in (
            ("preview_embed_form", {}),
            ("preview_embed_template", WRITING),
            ("publish_embed_template", WRITING),
        ):
            token = form if name == "preview_embed_form" else editor
            drawing.append(partial(lambda *how: refused.append(page(*how)), name, token, sent))
            assert page("preview_embed_form", form, {}).status == 200
        assert [(one.status, one.code) for one in refused] == [(429, "rate_limited")] * 3
        assert all(int(one.headers["Retry-After"]) >= 1 for one in refused)
        assert page("preview_embed_form", form, {}).status == 200
        assert templates.get_template(partner.id, "invoice").latest_version == 1

    def test_preview_embed_form__above_the_rate_is_429_until_the_wait_ends(
        self, call: Call, page: Call, partner: DemoProject, drawing: list[Any],
        monkeypatch: pytest.MonkeyPatch, clock: FrozenClock,
    ) -> None:  # fmt: skip
        monkeypatch.setattr(Config, "previews_per_second", 2)
        token = call("create_embed_session", partner, body=session_body()).body["session_token"]
        answers = [page("preview_embed_form", token, {}) for _ in range(5)]
        assert [one.status for one in answers] == [200] * 4 + [429]
        assert (answers[-1].code, answers[-1].headers["Retry-After"]) == ("rate_limited", "1")
        other = make_project("live", name="Other", scopes=SCOPES)
        partnership(other)
        theirs = call("create_embed_session", other, body=session_body()).body["session_token"]
        assert page("preview_embed_form", theirs, {}).status == 200
        clock.advance(seconds=1)
        answers = [page("preview_embed_form", token, {}) for _ in range(3)]
        assert [one.status for one in answers] == [200, 200, 429]

    def test_previews__are_charged_to_no_limit_of_the_key(
        self, call: Call, page: Call, partner: DemoProject, drawing: list[Any]
    ) -> None:
        limiting.limit_project(partner.id, LimitsChange(renders_per_day=0), by="tester")
        token = call("create_embed_session", partner, body=session_body()).body["session_token"]
        assert page("preview_embed_form", token, {}).status == 200

    def test_previews__only_those_of_test_sessions_have_the_watermark(
        self, call: Call, page: Call, partner: DemoProject, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        jobs: list[Any] = []

        def draw(job: Any, _: float) -> Preview:
            jobs.append(job)
            return Preview((b"page",), 1)

        monkeypatch.setitem(forms.preview_embed_form.__kwdefaults__, "draw", draw)
        monkeypatch.setitem(editing.preview_embed_template.__kwdefaults__, "draw", draw)
        for caller in (partner, with_key(partner, mode="test")):
            for mode, name in (("fill", "preview_embed_form"), ("edit", "preview_embed_template")):
                opened = call("create_embed_session", caller, body=session_body(mode)).body
                assert page(name, opened["session_token"], {}).status == 200
        assert [job.watermark for job in jobs] == [False, False, True, True]


def test_a_partner_of_another_project_changes_nothing(call: Call, partner: DemoProject) -> None:
    other = make_project("live", name="Other", scopes=SCOPES)
    partnership(other)
    opened = call("create_embed_session", partner, body=session_body()).body
    answer = call("revoke_embed_session", other, path={"id": opened["session_id"]})
    assert (answer.status, answer.code) == (404, "not_found")
