"""Deleting and transferring a project: what ends, what stays, and permissions."""

from datetime import timedelta
from typing import Any

import boto3
import pytest

from craftkit import project_deletion
from craftkit.clock import utc_now
from craftkit.embed.partners import service as partners
from craftkit.errors import ConflictError, NotFoundError
from craftkit.hooks import service as hooks
from craftkit.keys import service as keys
from craftkit.keys.models import NewKey
from craftkit.projects import members, service
from craftkit.projects.models import User
from craftkit.templates import letterheads
from craftkit.templates import service as templates
from craftkit.trust import service as trust
from craftkit.trust.models import NewTrustRule, TrustRule
from craftkit.usage import metering
from craftkit.webhooks import render_events
from craftkit.webhooks import service as webhooks
from craftkit.webhooks.models import NewEndpoint
from testkit import foreign_pdf
from testkit.clock import FrozenClock
from testkit.cloud import Cloud
from testkit.contents import places_of
from testkit.project import DATA, DemoProject, make_project
from typesetting import check_file, typeset
from typesetting.worker import render_document

ADA = User(sub="ada", email="ada@example.com")
BOB = User(sub="bob", email="bob@example.com")
RULE = NewTrustRule(
    name="Late",
    issuer="https://token.actions.githubusercontent.com",
    audience="craftkit",
    subject="repo:acme/**",
    mode="live",
)


@pytest.fixture
def owned(project: DemoProject) -> DemoProject:
    members.add_member(project.id, ADA, "owner", by="tester")
    members.add_member(project.id, BOB, "viewer", by=ADA.sub)
    partners.enable(project.id, by=ADA.sub)
    partners.create_signing_key(project.id, by=ADA.sub)
    hooks.create_hook(
        project.id, "invoice", project.key.key.id, requires_signature=False, by=ADA.sub
    )
    webhooks.create_endpoint(
        project.id,
        NewEndpoint(url="https://example.com/hook", events=("render.succeeded",)),
        by=ADA.sub,
        check=lambda *_args, **_how: None,
    )
    return project


def test_delete_project__ends_and_deletes_its_resources_and_returns_a_summary(
    owned: DemoProject, clock: FrozenClock, cloud: Cloud
) -> None:
    report = project_deletion.delete_project(owned.id, by=ADA.sub)
    assert report.sentence() == (
        "1 key revoked, 1 hook switched off, 1 signing key revoked, 1 endpoint deleted, "
        "1 template deleted, 2 members removed"
    )
    assert keys.get_key(owned.key.key.id).revoked_at is not None
    assert webhooks.list_endpoints(owned.id) == []
    assert templates.list_templates(owned.id, limit=10).templates == []
    assert [hook.is_on for hook in hooks.list_hooks(owned.id)] == [False]
    assert partners.get_partner(owned.id).status == "off"
    for user in (ADA, BOB):
        with pytest.raises(NotFoundError):
            members.open_project(user, owned.id, signed_in_at=clock())
        assert members.list_memberships(user).joined == []
    with pytest.raises(NotFoundError):
        service.get_project(owned.id)
    actions = [row["action"] for row in cloud.table("AuditTable").scan()["Items"]]
    assert actions.count("project.deleted") == 1


SECRET = "Vertraulich-8f21"


def _render(call: Any, project: DemoProject, finish: bool = True) -> str:
    body = {"data": {**DATA, "customer": {"name": SECRET}}, "metadata": {"order": SECRET}}
    id_ = str(call("create_render", project, body=body).body["id"])
    if finish:
        render_document(project.id, id_, typeset=typeset)
    return id_


def test_delete_project__erases_its_renders_everywhere_and_counts_them(
    owned: DemoProject, cloud: Cloud, call: Any
) -> None:
    other = make_project()
    kept = _render(call, other)
    erased = [_render(call, owned) for _ in range(3)] + [_render(call, owned, finish=False)]
    render_events.reconcile(
        owned.id, utc_now() - timedelta(hours=1), utc_now() + timedelta(hours=1)
    )
    with cloud.as_function("DashboardFunction"):
        report = project_deletion.delete_project(owned.id, by=ADA.sub)
    assert (report.renders_erased, report.deliveries_deleted) == (4, 3)
    assert "4 renders erased" in report.sentence()
    call("delete_render", other, path={"id": kept})
    assert places_of(SECRET, boto3.client) == []
    rows = {item["render_id"]: item for item in cloud.table("RendersTable").scan()["Items"]}
    assert {id_ for id_ in rows if len(id_) == 36} == {kept, *erased}
    now = utc_now()
    metering.reconcile(owned.id, now - timedelta(hours=1), now + timedelta(hours=1))
    usage = cloud.table("UsageTable").scan()["Items"]
    assert sum(int(row["renders"]) for row in usage if row["project_id"] == owned.id) == 3
    assert set(project_deletion.REMAINS) >= {"audit", "usage", "renders", "keys"}


def test_delete_project__continues_after_a_timeout_and_counts_all(
    owned: DemoProject, cloud: Cloud, call: Any
) -> None:
    for _ in range(2):
        _render(call, owned)
    with pytest.raises(ConflictError, match="delete the project again"):
        project_deletion.delete_project(owned.id, by=ADA.sub, patience=-timedelta(seconds=1))
    assert service.get_project(owned.id)
    report = project_deletion.delete_project(owned.id, by=ADA.sub)
    assert report.renders_erased == 2


def test_delete_project__deletes_embed_sessions_and_catalogs(
    cloud: Cloud, partner: DemoProject, call: Any
) -> None:
    catalog = {"namespaces": [], "loops": []}
    for _ in range(2):
        call("publish_catalog", partner, body={"name": "orders", "catalog": catalog})
    sessions = cloud.table("EmbedSessionsTable")
    sessions.put_item(Item={"pk": f"project#{partner.id}", "sk": "session#a", "data": SECRET})
    sessions.put_item(Item={"pk": f"project#{partner.id}", "sk": "tenant#b"})
    report = project_deletion.delete_project(partner.id, by="tester")
    assert (report.embed_sessions_deleted, report.catalogs_deleted) == (1, 1)
    assert sessions.scan()["Items"] == []
    content = cloud.table("ContentTable").scan()["Items"]
    assert [item for item in content if item["pk"].startswith("catalogs#")] == []


def test_delete_project__frees_the_slug(owned: DemoProject) -> None:
    slug = service.get_project(owned.id).slug
    project_deletion.delete_project(owned.id, by=ADA.sub)
    assert service.create_project("Demo", by=ADA.sub, owner=ADA).slug == slug


def test_delete_project__can_be_repeated_after_a_partial_failure(
    owned: DemoProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_how: object) -> None:
        raise ConflictError

    with monkeypatch.context() as patched:
        patched.setattr(templates, "delete_template", fail)
        with pytest.raises(ConflictError):
            project_deletion.delete_project(owned.id, by=ADA.sub)
    assert service.get_project(owned.id).name == "Demo"
    assert project_deletion.delete_project(owned.id, by=ADA.sub).templates_deleted == 1


def test_delete_project__no_access_can_be_added_during_the_deletion(
    owned: DemoProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An admin who is removed with the project could keep a key that was created in between."""
    refused: list[str] = []

    def list_rules(project_id: str) -> list[TrustRule]:
        # The keys are revoked by now.
        for add in (
            lambda: keys.create_key(project_id, NewKey(name="Late", mode="live"), by=BOB.sub),
            lambda: trust.create_rule(project_id, RULE, by=BOB.sub),
            lambda: partners.create_signing_key(project_id, by=BOB.sub),
        ):
            with pytest.raises(ConflictError) as caught:
                add()
            refused.append(str(caught.value))
        return []

    monkeypatch.setattr(trust, "list_rules", list_rules)
    project_deletion.delete_project(owned.id, by=ADA.sub)
    assert refused == ["The project is being deleted. Nothing can be added to it."] * 3
    assert not [key for key in keys.list_keys(owned.id)[0] if key.revoked_at is None]
    with pytest.raises(NotFoundError):
        keys.create_key(owned.id, NewKey(name="Later", mode="live"), by=BOB.sub)
    with pytest.raises(NotFoundError):
        trust.create_rule(owned.id, RULE, by=BOB.sub)


def test_delete_project__revokes_keys_that_the_index_lists_late(
    owned: DemoProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    list_keys, calls = keys.list_keys, 0

    def late(*arguments: Any, **how: Any) -> Any:
        nonlocal calls
        calls += 1
        return ([], None) if calls == 1 else list_keys(*arguments, **how)

    monkeypatch.setattr(keys, "list_keys", late)
    assert project_deletion.delete_project(owned.id, by=ADA.sub).keys_revoked == 1
    assert keys.get_key(owned.key.key.id).revoked_at is not None


def test_delete_project__a_missing_project_is_not_found(cloud: Cloud) -> None:
    with pytest.raises(NotFoundError):
        project_deletion.delete_project("019cec2a-0000-7000-8000-000000000009", by=ADA.sub)


def test_transfer__makes_another_member_the_owner(owned: DemoProject) -> None:
    members.transfer(owned.id, BOB.sub, by=ADA.sub)
    roles = {member.sub: member.role for member in members.list_members(owned.id)}
    assert roles == {ADA.sub: "admin", BOB.sub: "owner"}


def test_transfer__to_an_invited_user_is_refused(project: DemoProject) -> None:
    members.add_member(project.id, ADA, "owner", by="tester")
    members.invite(project.id, BOB.email, "admin", by=ADA.sub, find=lambda _email: BOB)
    with pytest.raises(ConflictError, match="not accepted"):
        members.transfer(project.id, BOB.sub, by=ADA.sub)


def test_delete_project__erases_letterheads_with_replaced_files_and_batches(
    owned: DemoProject, cloud: Cloud, call: Any
) -> None:
    for text in ("First", "Second"):
        letterheads.publish_letterhead(
            owned.id, "Acme", foreign_pdf.typst_pdf(text), by="ada", check=check_file
        )
    body = {"templateSlug": "invoice", "items": [{"data": DATA}]}
    batch = call("create_batch", owned, body=body).body
    report = project_deletion.delete_project(owned.id, by=ADA.sub)
    assert (report.letterheads_deleted, report.batches_erased) == (1, 1)
    assert "1 batch erased" in report.sentence()
    s3 = boto3.client("s3")
    assert s3.list_objects_v2(Bucket=cloud.names["DocumentsBucket"])["KeyCount"] == 0
    keys_left = [row["batch_id"] for row in cloud.table("BatchesTable").scan()["Items"]]
    assert batch["id"] not in keys_left
