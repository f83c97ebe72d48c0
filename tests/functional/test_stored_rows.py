"""Rows that newer code wrote are read by this code: during a canary, and after a rollback.

Every kind of row is written by its use case, gets attributes that this code does not know, and is
read again. A table, or a kind of project item, without such a row fails.
"""

import ast
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from craftkit import project_items
from craftkit.audit import service as audit
from craftkit.auth.activity import Activity
from craftkit.auth.lookup import find_key
from craftkit.auth.request_log import RequestLog
from craftkit.clock import utc_now
from craftkit.embed.catalogs import service as catalogs
from craftkit.embed.catalogs.models import Catalog
from craftkit.embed.partners import service as partners
from craftkit.embed.sessions import service as sessions
from craftkit.hooks import service as hooks
from craftkit.keys import activity, limiting
from craftkit.keys import service as keys
from craftkit.limits import service as limits
from craftkit.limits.models import LimitsChange, Rate
from craftkit.projects import members
from craftkit.projects import service as projects
from craftkit.projects.models import User
from craftkit.renders import repository as renders
from craftkit.schema import from_stored_json
from craftkit.templates import drafts, fonts, letterheads
from craftkit.templates import repository as templates
from craftkit.templates import service as template_service
from craftkit.templates.models import Manifest
from craftkit.trust import service as trust
from craftkit.typesetter import CheckedFile, FontFace
from craftkit.webhooks import service as webhooks
from craftkit.webhooks.models import NewEndpoint
from testkit.cloud import Cloud
from testkit.embed import partnership, session_body
from testkit.project import DATA, MANIFEST, SOURCE, DemoProject, make_project, publish
from testkit.streams import Stream
from testkit.template import ROOT
from testkit.typesetter import FakeTypesetter
from tests.functional.test_catalogs import CATALOG
from tests.functional.test_exchange_token import exchange, new_rule, web
from typesetting.worker import render_document

__all__ = ["exchange", "web"]

NEWER: dict[str, Any] = {"addedByNewerCode": "x"}
ADA = User(sub="ada", email="ada@example.com")
BOB = User(sub="bob", email="bob@example.com")
SCOPES = ("renders:read", "renders:write", "requests:read", "templates:read", "embed:write")

WRITE_ONLY = {"ProofsTable"}
"""Tables whose rows are only put under the condition that they do not exist."""


def test_stored_json__fields_of_newer_code_are_ignored_at_every_depth() -> None:
    manifest = {
        **NEWER,
        "variables": [{**MANIFEST["variables"][0], **NEWER}],
        "loops": [
            {
                **MANIFEST["loops"][0],
                **NEWER,
                "itemFields": [{**MANIFEST["loops"][0]["itemFields"][0], **NEWER}],
            }
        ],
    }
    read = from_stored_json(Manifest, json.dumps(manifest))
    assert [variable.key for variable in read.variables] == ["number"]
    assert [field.key for field in read.loops[0].item_fields] == ["name"]


def _reads_of_rows_as_requests() -> Iterator[str]:
    """Calls of `model_validate` in modules that read tables."""
    package = ROOT / "layers/craftkit/craftkit"
    for path in sorted(package.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if path.stem == "service" or not re.search("import dynamodb|project_items import", text):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Attribute) and node.attr.startswith("model_validate"):
                yield f"{path.relative_to(package)}:{node.lineno}"


def test_rows__are_read_with_from_stored() -> None:
    """`from_stored` ignores unknown fields also in nested models that refuse them in requests."""
    assert list(_reads_of_rows_as_requests()) == []


@pytest.fixture
def written(cloud: Cloud, call: Any, exchange: Any) -> DemoProject:
    """A project with every kind of row."""
    project = make_project("live", scopes=SCOPES)
    _write_access(project)
    _write_content(project)
    partnership(project, "https://app.example.com")
    call("create_embed_session", project, body=session_body())
    new_rule(project)
    assert exchange(audience=project.id).status == 200
    change = LimitsChange(renders_per_day=1000, rate=Rate(calls=50, burst=100))
    limiting.limit_project(project.id, change, by="tester")
    usage = Stream(cloud, "MeterUsageSource")
    headers = {"Idempotency-Key": "order-1"}
    id_ = call("create_render", project, body={"data": DATA}, headers=headers).body["id"]
    render_document(project.id, id_, typeset=FakeTypesetter())
    assert cloud.invoke("meter_usage", usage.event()) == {"batchItemFailures": []}
    call("create_batch", project, body={"templateSlug": "invoice", "items": [{"data": DATA}]})
    record = find_key(project.key.key.secrets[0].hash)
    assert record is not None
    with cloud.as_function("AuthorizeFunction"):
        uses = Activity()
        uses.note(record, utc_now())
        uses.flush(utc_now(), everything=True)
    return project


def _write_access(project: DemoProject) -> None:
    projects.create_project("Of Ada", by=ADA.sub, owner=ADA)
    members.add_member(project.id, ADA, "owner", by="tester")
    members.invite(project.id, BOB.email, "viewer", by=ADA.sub, find=lambda _: BOB)
    members.end_sessions(BOB)
    hooks.create_hook(
        project.id, "invoice", project.key.key.id, requires_signature=True, by="tester"
    )
    partners.enable(project.id, by="tester")
    partners.create_signing_key(project.id, by="tester")


def _write_content(project: DemoProject) -> None:
    drafts.save_draft(project.id, "invoice", "Invoice", MANIFEST, SOURCE, by="tester")
    publish(project.id, "retired")
    template_service.delete_template(project.id, "retired", by="tester")
    face = FontFace("Brand Sans", 400, "normal")
    fonts.add_font(project.id, b"Brand Sans", by="tester", check=lambda _: face)
    letterheads.publish_letterhead(
        project.id, "acme", b"%PDF", by="tester", check=lambda content, _: CheckedFile(content, 1)
    )
    catalog = Catalog.model_validate(CATALOG)
    catalogs.publish_catalog(project.id, "crm", catalog, by="tester")
    endpoint = NewEndpoint(url="https://example.com/hook", events=("render.succeeded",))
    made = webhooks.create_endpoint(project.id, endpoint, by="tester", check=lambda *_: None)
    webhooks.ping(project.id, made.endpoint.id)


def _reads(project: DemoProject, call: Any) -> dict[str, Callable[[], Any]]:
    """Reads of the rows, at least one for each repository."""
    key = project.key.key
    return {
        "project": lambda: projects.get_project(project.id),
        "members": lambda: members.list_members(project.id),
        "memberships": lambda: members.list_memberships(ADA),
        "access": lambda: members.open_project(ADA, project.id, signed_in_at=utc_now()),
        "partner": lambda: partners.partner_of(project.id),
        "signing keys": lambda: partners.list_signing_keys(project.id),
        "hooks": lambda: hooks.list_hooks(project.id),
        "template": lambda: templates.get_template(project.id, "invoice"),
        "version": lambda: templates.get_version(project.id, "invoice", 1),
        "draft": lambda: drafts.get_draft(project.id, "invoice"),
        "fonts": lambda: fonts.list_fonts(project.id),
        "letterheads": lambda: letterheads.list_letterheads(project.id),
        "catalog": lambda: catalogs.get_catalog(project.id, "crm"),
        "endpoints": lambda: webhooks.list_endpoints(project.id),
        "deliveries": lambda: webhooks.list_deliveries(
            project.id, webhooks.list_endpoints(project.id)[0].id
        ),
        "audit": lambda: audit.list_entries(project.id),
        "sessions": lambda: sessions.list_sessions(project.id)[0],
        "rules": lambda: trust.list_rules(project.id),
        "keys": lambda: keys.list_keys(project.id)[0],
        "secret": lambda: find_key(key.secrets[0].hash),
        "activity": lambda: activity.read_key_activities([key], now=utc_now(), days=2),
        "limits": lambda: limits.limits_of("project", project.id),
        "renders": lambda: [
            renders.get(project.id, one["id"])
            for one in call("list_renders", project).body["renders"]
        ],
        "batches": lambda: call("list_batches", project).body["batches"],
        "usage": lambda: call("get_usage", project, query={}).body["usage"],
        "jwks": lambda: call("get_jwks", project).body,
        "requests": lambda: call("list_requests", project, query={}).body["requests"],
        "repeat": lambda: call(
            "create_render", project, body={"data": DATA}, headers={"Idempotency-Key": "order-1"}
        ).body["id"],
    }


def test_rows__unknown_attributes_of_every_item_are_ignored(
    cloud: Cloud, written: DemoProject, call: Any, event: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("craftkit.http.request_log", log := RequestLog())
    sent = event("get_me", principal=written.principal)
    sent["requestContext"]["requestTimeEpoch"] = int(utc_now().timestamp() * 1000)
    cloud.invoke("get_me", sent)
    with cloud.as_function("ListRendersFunction"):
        log.flush(utc_now())
    reads = _reads(written, call)
    before = {name: read() for name, read in reads.items()}
    assert [name for name, found in before.items() if not found] == []
    tables = cloud.data.of_type("AWS::DynamoDB::Table")
    empty = {table for table in tables if not _add_attributes(cloud.table(table))}
    assert empty == WRITE_ONLY
    assert _kinds_of(cloud) == set(project_items.KINDS)
    for name, read in reads.items():
        assert read() == before[name], name


def _add_attributes(table: Any) -> int:
    """Add unknown attributes to every item, and to every map in its lists."""
    items = table.scan()["Items"]
    for item in items:
        for name, value in item.items():
            if isinstance(value, list):
                item[name] = [each | NEWER if isinstance(each, dict) else each for each in value]
        table.put_item(Item={**item, **NEWER, "parts_of_newer_code": [{"pages": 2}]})
    return len(items)


def _kinds_of(cloud: Cloud) -> set[project_items.ItemKind]:
    """The kinds of project items of which there is a row."""
    tables = {"projects": "ProjectsTable", "content": "ContentTable", "audit": "AuditTable"}
    rows = {
        (name, item["pk"].partition("#")[0], item["sk"].partition("#")[0])
        for name, table in tables.items()
        for item in cloud.table(table).scan()["Items"]
    }
    return {
        kind for kind in project_items.KINDS if (kind.table_name, kind.partition, kind.name) in rows
    }
