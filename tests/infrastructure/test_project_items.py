"""The permissions to write a project's items match project_items.py."""

from collections.abc import Iterator
from typing import Any

import pytest

from craftkit.project_items import KINDS, ItemKind
from testkit.template import Template, template

STAGES = ("local", "dev", "staging", "prod")
TABLES = {"ProjectsTable": "projects", "ContentTable": "content", "AuditTable": "audit"}
WRITES = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"}


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest) -> Template:
    return template(request.param)


def write_grants(properties: dict[str, Any]) -> Iterator[tuple[str, set[str], set[str] | None]]:
    """Table, actions, and the partitions of the condition; None without one."""
    for policy in properties.get("Policies", []):
        statements = policy["Statement"]
        for statement in statements if isinstance(statements, list) else [statements]:
            actions = statement["Action"]
            named = {actions} if isinstance(actions, str) else set(actions)
            writes = {action.removeprefix("dynamodb:") for action in named} & WRITES
            resources = statement["Resource"]
            for resource in resources if isinstance(resources, list) else [resources]:
                table = resource.get("Ref", "") if isinstance(resource, dict) else ""
                table = table.removesuffix("Arn")
                if writes and table in TABLES:
                    yield TABLES[table], writes, _partitions(statement.get("Condition"))


def _partitions(condition: dict[str, Any] | None) -> set[str] | None:
    if condition is None:
        return None
    keys = condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    return {key.removesuffix("#*") for key in keys}


@pytest.mark.parametrize("function", template().functions)
def test_a_function_can_write_exactly_the_item_kinds_that_list_it(function: str) -> None:
    granted: set[tuple[str, str]] = set()
    for table, _, partitions in write_grants(template().functions[function]):
        every = {kind.partition for kind in KINDS if kind.table_name == table}
        granted |= {(table, partition) for partition in partitions or every}
    granted -= {("audit", kind.partition) for kind in KINDS if kind.table_name == "audit"}
    named = {
        (kind.table_name, kind.partition)
        for kind in KINDS
        if kind.writers is not None and function in kind.writers
    }
    assert granted == named


def test_only_the_dashboard_can_write_access_data(stage: Template) -> None:
    able = {
        name
        for name, properties in stage.functions.items()
        for table, _, _ in write_grants(properties)
        if table == "projects"
    }
    assert able == {"DashboardFunction"}


def test_no_role_can_change_or_delete_audit_entries(stage: Template) -> None:
    for name, properties in stage.functions.items():
        for table, actions, _ in write_grants(properties):
            if table == "audit":
                assert actions == {"PutItem"}, name


def test_no_two_kinds_share_a_key_prefix() -> None:
    def prefix(kind: ItemKind) -> tuple[str, str, str]:
        return kind.table_name, kind.partition, kind.name

    assert len({prefix(kind) for kind in KINDS}) == len(KINDS)


def test_every_writer_is_a_function_of_the_stack() -> None:
    writers = {name for kind in KINDS for name in kind.writers or ()}
    assert writers <= set(template().functions)
