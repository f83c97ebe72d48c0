"""Rows that newer code wrote are read by this code: during a canary, and after a rollback."""

import json
from typing import Any

from craftkit.embed.partners import service as partners
from craftkit.hooks import service as hooks
from craftkit.keys import service as keys
from craftkit.projects import service as projects
from craftkit.schema import from_stored_json
from craftkit.templates import repository as templates
from craftkit.templates.models import Manifest
from testkit.cloud import Cloud
from testkit.project import MANIFEST, DemoProject

NEWER: dict[str, Any] = {"addedByNewerCode": "x"}


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


def test_rows__an_unknown_attribute_in_every_item_is_ignored(
    cloud: Cloud, project: DemoProject
) -> None:
    partners.enable(project.id, by="tester")
    hook = hooks.create_hook(
        project.id, "invoice", project.key.key.id, requires_signature=False, by="tester"
    )
    for table in ("ProjectsTable", "ContentTable", "KeysTable"):
        _add_attribute(cloud.table(table))
    assert projects.get_project(project.id).name == "Demo"
    assert templates.get_template(project.id, "invoice") is not None
    version = templates.get_version(project.id, "invoice", 1)
    assert version is not None and version.manifest.loops
    assert partners.partner_of(project.id).status == "enabled"
    assert [one.id for one in hooks.list_hooks(project.id)] == [hook.hook.id]
    assert [one.id for one in keys.list_keys(project.id)[0]] == [project.key.key.id]


def _add_attribute(table: Any) -> None:
    for item in table.scan()["Items"]:
        table.put_item(Item={**item, "added_by_newer_code": "x"})
