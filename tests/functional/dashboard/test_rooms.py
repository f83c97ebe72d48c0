"""Webhooks, hooks, embed, usage, audit and settings: each action by its form."""

import json
import re
import socket
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from standardwebhooks import Webhook

from craftkit.embed.partners import service as partners
from craftkit.hooks import service as hooks
from craftkit.ids import new_id
from craftkit.keys import service as keys
from craftkit.keys.models import NewKey
from craftkit.limits.service import limits_of
from craftkit.projects import members
from craftkit.projects import service as projects
from craftkit.projects.models import KeyPolicy, Project
from craftkit.usage import service as usage
from craftkit.usage.models import Metered
from craftkit.webhooks import deliveries
from craftkit.webhooks import service as webhooks
from craftkit.webhooks.models import EVENT_TYPES, Attempt, NewEndpoint
from dashboard import samples
from testkit.cloud import Cloud
from testkit.project import publish
from testkit.visitor import Visitor
from tests.functional.dashboard.users import ADA, BOB

URL = "http://127.0.0.1:8999/hook"


def path(project: Project, rest: str = "") -> str:
    return f"/dashboard/projects/{project.id}{rest}"


def key_of(project: Project, **fields: Any) -> str:
    return keys.create_key(project.id, NewKey(name="Key", mode="test", **fields), by="x").key.id


class TestWebhooks:
    @pytest.fixture(autouse=True)
    def names(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Every host resolves to this machine, without a DNS request."""
        here = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]
        monkeypatch.setattr("craftkit.network.socket.getaddrinfo", lambda *_, **__: here)

    @pytest.fixture
    def endpoint(self, project: Project) -> str:
        request = NewEndpoint(url=URL)
        made = webhooks.create_endpoint(project.id, request, by=ADA.sub, check=lambda *_: None)
        return made.endpoint.id

    def test_an_endpoint_is_added_and_its_secret_shown_once(
        self, ada: Visitor, project: Project
    ) -> None:
        form = {"url": URL, "events": ["render.failed"]}
        answer = ada.post(path(project, "/webhooks"), form)
        shown = ada.follow(answer)
        assert re.search(r"whsec_[A-Za-z0-9+/=]+", shown.text)
        assert "whsec_" not in ada.follow(ada.get(answer.location)).text
        (made,) = webhooks.list_endpoints(project.id)
        assert (made.url, made.events) == (URL, ("render.failed",))

    @pytest.mark.parametrize("url", ["", "x", "ftp://example.com", "https://user:pass@example.com"])
    def test_a_forbidden_webhook_url_has_an_error_at_the_field(
        self, ada: Visitor, project: Project, url: str
    ) -> None:
        page = ada.post(path(project, "/webhooks"), {"url": url})
        assert page.status == 422
        assert 'id="url-problem"' in page.text
        assert webhooks.list_endpoints(project.id) == []

    def test_an_endpoint_is_changed_switched_rotated_and_deleted(
        self, ada: Visitor, project: Project, endpoint: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        here = path(project, f"/webhooks/{endpoint}")
        assert URL in ada.get(f"{here}/edit").text
        ada.follow(ada.post(here, {"url": URL + "2", "events": ["key.revoked"]}))
        assert webhooks.get_endpoint(project.id, endpoint).events == ("key.revoked",)
        ada.post(f"{here}/switch", {"on": "no"})
        assert "Off since" in ada.get(here).words
        assert ada.post(f"{here}/send").status == 409
        ada.post(f"{here}/switch", {"on": "yes"})
        assert "whsec_" in ada.follow(ada.post(f"{here}/rotate")).text
        assert "two, while rotating" in ada.get(here).words
        ada.follow(ada.post(f"{here}/delete"))
        assert ada.get(here).status == 404

    def test_a_ping_is_shown_with_request_and_response_and_can_be_sent_again(
        self, ada: Visitor, project: Project, endpoint: str
    ) -> None:
        here = path(project, f"/webhooks/{endpoint}")
        answer = ada.post(f"{here}/send")
        assert 'hx-trigger="every 2s"' in ada.follow(answer).text
        (delivery,) = webhooks.list_deliveries(project.id, endpoint).deliveries
        now = datetime.now(UTC)
        claimed = deliveries.claim(endpoint, delivery.id, 1, now)
        assert claimed
        attempt = Attempt(
            number=1, at=now, duration_ms=12, status_code=500,
            request_headers={"webhook-id": "wh"}, response="<b>oops</b>",
        )  # fmt: skip
        deliveries.finish(claimed, "failed", now, attempt)
        page = ada.get(answer.location)
        assert "500" in page.words
        assert "&lt;b&gt;oops&lt;/b&gt;" in page.text
        assert "webhook-id: wh" in page.words
        ada.follow(ada.post(f"{answer.location}/replay"))
        assert webhooks.get_delivery(delivery.id).status == "pending"

    def test_an_example_of_any_event_is_sent(
        self, ada: Visitor, project: Project, endpoint: str
    ) -> None:
        here = path(project, f"/webhooks/{endpoint}")
        for event in EVENT_TYPES:
            page = ada.follow(ada.post(f"{here}/send", {"event": event}))
            assert f"{event} is sent" in page.words
        found = webhooks.list_deliveries(project.id, endpoint).deliveries
        assert [each.event_type for each in reversed(found)] == list(EVENT_TYPES)
        for delivery in found:
            content = json.loads(delivery.payload)
            assert content["type"] == delivery.event_type
            assert content["data"]["example"] is True
            assert content["data"]["projectId"] == project.id
        assert ada.post(f"{here}/send", {"event": "render.eaten"}).status == 400
        assert len(webhooks.list_deliveries(project.id, endpoint).deliveries) == len(EVENT_TYPES)

    def test_many_deliveries_are_sent_again_and_none_of_another_endpoint(
        self, ada: Visitor, project: Project, endpoint: str
    ) -> None:
        other = webhooks.create_endpoint(
            project.id, NewEndpoint(url=URL), by=ADA.sub, check=lambda *_: None
        ).endpoint.id
        now = datetime.now(UTC)
        ids = []
        for target in (endpoint, endpoint, other):
            delivery = webhooks.ping(project.id, target)
            claimed = deliveries.claim(target, delivery.id, 1, now)
            assert claimed
            deliveries.finish(claimed, "failed", now, Attempt(number=1, at=now, duration_ms=1))
            ids.append(delivery.id)
        here = path(project, f"/webhooks/{endpoint}")
        page = ada.follow(ada.post(f"{here}/replay", {"delivery": ids}))
        assert "2 deliveries are sent again. 1 could not be." in page.words
        states = [webhooks.get_delivery(id_).status for id_ in ids]
        assert states == ["pending", "pending", "failed"]
        assert ada.post(f"{here}/replay").status == 400

    def test_beside_a_secret_is_the_code_that_verifies_with_it(
        self, ada: Visitor, project: Project, endpoint: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        page = ada.follow(ada.post(path(project, f"/webhooks/{endpoint}/rotate")))
        for language in ("Python", "Node.js", "Go"):
            assert f">{language}</label>" in page.text
        secret = re.search(r"whsec_[A-Za-z0-9+/=]+", page.text)
        assert secret
        code = dict(samples.verify_webhook())["Python"]
        assert code in unescape(page.text)
        scope: dict[str, Any] = {}
        exec(code, scope)
        monkeypatch.setenv("CRAFTKIT_WEBHOOK_SECRET", secret[0])
        body, id_, at = '{"type": "ping"}', "msg_1", datetime.now(UTC)
        headers = {
            "webhook-id": id_,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(secret[0]).sign(id_, at, body),
        }
        assert scope["receive"](body.encode(), headers) == 204
        assert scope["receive"](b"{}", headers) == 400

    def test_a_delivery_of_another_endpoint_is_404(
        self, ada: Visitor, project: Project, endpoint: str
    ) -> None:
        delivery = webhooks.ping(project.id, endpoint)
        other = projects.create_project("Other", by=ADA.sub, owner=ADA)
        for elsewhere in (
            path(other, f"/webhooks/{endpoint}/deliveries/{delivery.id}"),
            path(project, f"/webhooks/x/deliveries/{delivery.id}"),
        ):
            assert ada.get(elsewhere).status == 404
            assert ada.post(f"{elsewhere}/replay").status == 404


class TestHooks:
    def test_a_hook_is_created_on_the_page_of_its_template(
        self, ada: Visitor, project: Project
    ) -> None:
        publish(project.id, "invoice")
        key_id = key_of(project)
        assert key_id in ada.get(path(project, "/templates/invoice")).text
        form = {"slug": "invoice", "key": key_id, "signed": "yes"}
        shown = ada.follow(ada.post(path(project, "/hooks"), form))
        assert "/v1/hooks/" in shown.text
        assert "x-craftkit-signature" in shown.text
        (hook,) = hooks.list_hooks(project.id)
        assert hook.requires_signature
        here = path(project, f"/hooks/{hook.id}")
        ada.post(f"{here}/switch", {"on": "no"})
        assert not hooks.get_hook(project.id, hook.id).is_on
        assert "/v1/hooks/" in ada.follow(ada.post(f"{here}/rotate")).text
        assert "invoice" in ada.get(path(project, "/hooks")).words

    def test_a_hook_cannot_use_another_projects_key(self, ada: Visitor, project: Project) -> None:
        publish(project.id, "invoice")
        other = projects.create_project("Other", by=BOB.sub, owner=BOB)
        form = {"slug": "invoice", "key": key_of(other)}
        assert ada.post(path(project, "/hooks"), form).status == 404
        assert hooks.list_hooks(project.id) == []


class TestEmbed:
    @pytest.fixture
    def enabled(self, ada: Visitor, project: Project) -> Visitor:
        ada.post(path(project, "/embed/enable"))
        return ada

    def test_overview_enables_embed_mode(self, ada: Visitor, project: Project) -> None:
        page = ada.get(path(project, "/embed"))
        assert "Enable embed mode" in page.words
        page = ada.follow(ada.post(path(project, "/embed/enable")))
        assert "Embed mode is enabled" in page.words
        assert partners.get_partner(project.id).status == "enabled"
        ada.post(path(project, "/embed/disable"))
        assert partners.get_partner(project.id).status == "off"

    def test_a_suspended_partner_sees_the_suspension_and_cannot_end_it(
        self, enabled: Visitor, project: Project
    ) -> None:
        partners.suspend(project.id, by="operator")
        assert "The partnership is suspended" in enabled.get(path(project, "/embed")).words
        assert enabled.post(path(project, "/embed/disable")).status == 409
        assert enabled.post(path(project, "/embed/enable")).status == 409

    def test_invalid_origins_are_refused(self, enabled: Visitor, project: Project) -> None:
        here = path(project, "/embed/origins")
        enabled.post(here, {"origins": "https://a.example\nhttps://b.example:8443"})
        assert partners.get_partner(project.id).origins == (
            "https://a.example",
            "https://b.example:8443",
        )
        page = enabled.post(here, {"origins": "http://plain.example"})
        assert page.status == 422
        assert "Must be https" in page.words
        assert "http://plain.example" in page.text

    def test_presets_can_be_changed(self, enabled: Visitor, project: Project) -> None:
        form = {"admin": ["view", "edit"], "editor": ["edit"], "viewer": ["view"]}
        enabled.post(path(project, "/embed/presets"), form)
        assert partners.get_partner(project.id).presets["admin"] == ("view", "edit")

    def test_a_key_pair_is_shown_once_and_revoked(self, enabled: Visitor, project: Project) -> None:
        answer = enabled.post(path(project, "/embed/keys"), {"mode": "test"})
        shown = enabled.follow(answer)
        assert "BEGIN PRIVATE KEY" in shown.text
        assert "BEGIN PRIVATE KEY" not in enabled.follow(enabled.get(answer.location)).text
        (key,) = partners.list_signing_keys(project.id)
        enabled.post(path(project, f"/embed/keys/{key.publishable_key}/revoke"))
        (key,) = partners.list_signing_keys(project.id)
        assert key.revoked_at is not None

    def test_catalogs_are_published_read_and_compared(
        self, enabled: Visitor, project: Project
    ) -> None:
        def catalog(*names: str) -> str:
            fields = [{"key": name, "label": name, "dataType": "text"} for name in names]
            return json.dumps({"namespaces": [{"key": "c", "label": "C", "fields": fields}]})

        here = path(project, "/embed/catalogs")
        enabled.post(here, {"name": "crm", "catalog": catalog("old", "same")})
        page = enabled.follow(
            enabled.post(here, {"name": "crm", "catalog": catalog("same", "new")})
        )
        assert "Version 2" in page.words
        assert '<span class="add">+ c.new</span>' in page.text
        assert '<span class="del">- c.old</span>' in page.text
        assert enabled.get(f"{here}/crm?version=1").status == 200
        assert enabled.get(f"{here}/other").status == 404
        for wrong in ("{", "[]", '{"namespaces": 3}'):
            page = enabled.post(here, {"name": "crm", "catalog": wrong})
            assert page.status == 422

    def test_the_sandbox_opens_a_session_which_is_then_revoked(
        self, enabled: Visitor, project: Project
    ) -> None:
        publish(project.id, "invoice")
        form = {"key": key_of(project), "template": "invoice", "mode": "fill"}
        answer = enabled.post(path(project, "/embed/sandbox"), form)
        page = enabled.follow(answer)
        frame = re.search(r'<iframe src="([^"]*)"', page.text)
        assert frame
        assert "/embed?session_token=" in frame[1]
        assert "<iframe" not in enabled.get(answer.location).text
        sessions = enabled.get(path(project, "/embed/sessions"))
        (action,) = set(re.findall(r'action="([^"]*/revoke)"', sessions.text))
        enabled.post(action)
        assert "revoked" in enabled.get(path(project, "/embed/sessions")).words

    def test_the_sandbox_refuses_a_key_of_another_project(
        self, enabled: Visitor, project: Project
    ) -> None:
        publish(project.id, "invoice")
        other = projects.create_project("Other", by=BOB.sub, owner=BOB)
        for key_id in (key_of(other), key_of(project, scopes=("renders:read",)), "x", ""):
            form = {"key": key_id, "template": "invoice", "mode": "fill"}
            assert enabled.post(path(project, "/embed/sandbox"), form).status == 404


class TestUsageAndAudit:
    def test_usage_is_shown_by_day_mode_key_and_template(
        self, ada: Visitor, project: Project, cloud: Cloud
    ) -> None:
        assert "No renders in these days" in ada.get(path(project, "/usage")).words
        key_id = key_of(project)
        for mode in ("live", "live", "test"):
            usage.count_renders([
                Metered(
                    project_id=project.id, render_id=new_id(), ended_at=datetime.now(UTC),
                    mode=mode,  # type: ignore[arg-type]
                    key_id=key_id, template_slug="invoice", page_count=2,
                )
            ])  # fmt: skip
        page = ada.get(path(project, "/usage?days=7"))
        assert "Live renders 2" in page.words
        assert "Test renders 1" in page.words
        assert "Pages 6" in page.words
        assert re.search(r"<title>\d+ \w+: 2 live</title>", page.text)
        assert ada.get(path(project, "/usage?days=8")).status == 400

    def test_the_audit_log_has_user_and_action(self, ada: Visitor, project: Project) -> None:
        ada.post(path(project, "/settings/name"), {"name": "Renamed"})
        page = ada.get(path(project, "/audit"))
        assert "project.renamed ada@example.com" in page.words
        assert "name: Renamed" in page.words
        only = ada.get(path(project, "/audit?target=nothing"))
        assert "project.renamed" not in only.words


class TestSettings:
    def test_users_are_invited_promoted_and_removed(self, ada: Visitor, project: Project) -> None:
        form = {"email": "New@Example.com", "role": "viewer"}
        page = ada.follow(ada.post(path(project, "/members"), form))
        assert "new@example.com is invited as viewer" in page.words
        (new,) = (each for each in members.list_members(project.id) if each.sub != ADA.sub)
        ada.post(path(project, f"/members/{new.sub}/role"), {"role": "admin"})
        assert members.get_member(project.id, new.sub).role == "admin"
        ada.post(path(project, f"/members/{new.sub}/remove"))
        assert len(members.list_members(project.id)) == 1

    @pytest.mark.parametrize(
        "form",
        [
            {"email": "nobody", "role": "viewer"},
            {"email": "a@example.com", "role": "king"},
            {"email": "", "role": "viewer"},
        ],
    )
    def test_an_incomplete_form_invites_no_one(
        self, ada: Visitor, project: Project, form: dict[str, str]
    ) -> None:
        assert ada.post(path(project, "/members"), form).status == 400
        assert len(members.list_members(project.id)) == 1

    def test_the_last_owner_cannot_be_removed(self, ada: Visitor, project: Project) -> None:
        assert ada.post(path(project, f"/members/{ADA.sub}/remove")).status == 409
        role = path(project, f"/members/{ADA.sub}/role")
        assert ada.post(role, {"role": "viewer"}).status == 409
        assert ada.get(path(project)).status == 200

    def test_the_exposure_policy_can_be_set(self, ada: Visitor, project: Project) -> None:
        ada.post(path(project, "/settings/exposure"), {"policy": "alert"})
        assert projects.get_project(project.id).exposure_policy == "alert"
        assert ada.post(path(project, "/settings/exposure"), {"policy": "x"}).status == 400

    def test_the_key_policy_is_set_and_limits_the_form_of_new_keys(
        self, ada: Visitor, project: Project
    ) -> None:
        here = path(project, "/settings/key-policy")
        page = ada.follow(ada.post(here, {"longest_life_days": "90", "unused_days": "60"}))
        assert "The key policy applies to every key" in page.words
        known = projects.get_project(project.id).key_policy
        assert (known.longest_life_days, known.unused_days) == (90, 60)
        form = ada.get(path(project, "/keys/new"))
        assert "in 90 days, unless it is rotated" in form.words
        assert "in 365 days" not in form.words
        refused = ada.post(path(project, "/keys"), {"name": "K", "mode": "test", "days": "365"})
        assert refused.status == 422
        assert "Must be at most 90 days from now" in refused.words

    def test_a_key_policy_that_is_no_number_of_days_changes_nothing(
        self, ada: Visitor, project: Project
    ) -> None:
        here = path(project, "/settings/key-policy")
        page = ada.post(here, {"longest_life_days": "0", "unused_days": "many"})
        assert page.status == 422
        assert 'id="longest_life_days-problem"' in page.text
        assert 'id="unused_days-problem"' in page.text
        assert 'value="many"' in page.text
        assert projects.get_project(project.id).key_policy == KeyPolicy()

    def test_limits_of_the_project_are_set_and_cleared(
        self, ada: Visitor, project: Project
    ) -> None:
        here = path(project, "/settings/limits")
        ada.post(here, {"renders_per_month": "5000"})
        state = limits_of("project", project.id)
        assert state
        assert state.limits.renders_per_month == 5000
        ada.post(here, {})
        assert limits_of("project", project.id) is None
