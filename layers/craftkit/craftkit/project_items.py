"""Items of the projects table. A project's own lie together, under `project#<id>`, told by `sk`."""

from collections.abc import Iterator
from typing import Any

from boto3.dynamodb.conditions import Key

from craftkit import dynamodb
from craftkit.config import config
from craftkit.dynamodb import Item

Write = dict[str, Any]
"""One of the writes that `dynamodb.transact` takes."""

NEW = "attribute_not_exists(pk)"
"""The condition that there is no such item yet."""

THERE = "attribute_exists(pk)"


def table() -> Any:
    return dynamodb.table(config.projects_table)


def key(project_id: str, sk: str) -> dict[str, str]:
    return {"pk": f"project#{project_id}", "sk": sk}


def get(key: dict[str, str]) -> Item | None:
    """The item, strongly consistent."""
    item: Item | None = table().get_item(Key=key, ConsistentRead=True).get("Item")
    return item


def under(pk: str, prefix: str, **how: Any) -> Iterator[Item]:
    """Every item of a partition whose `sk` begins so, in its order, strongly consistent.

    Args:
        how: further arguments of `Table.query`; `Limit` is of one page, and ends nothing.
    """
    condition = Key("pk").eq(pk) & Key("sk").begins_with(prefix)
    return dynamodb.query(
        config.projects_table, KeyConditionExpression=condition, ConsistentRead=True, **how
    )


def of_project(project_id: str, prefix: str, **how: Any) -> Iterator[Item]:
    """The project's items whose `sk` begins so; see `under`."""
    return under(f"project#{project_id}", prefix, **how)


def put(item: Item, condition: str | None = NEW, values: Item | None = None) -> Write:
    return _write("Put", condition, values, Item=item)


def update(
    key: dict[str, str],
    expression: str,
    condition: str,
    values: Item | None = None,
    names: dict[str, str] | None = None,
) -> Write:
    return _write("Update", condition, values, names, Key=key, UpdateExpression=expression)


def delete(
    key: dict[str, str],
    condition: str | None = None,
    values: Item | None = None,
    names: dict[str, str] | None = None,
) -> Write:
    return _write("Delete", condition, values, names, Key=key)


def _write(
    kind: str,
    condition: str | None,
    values: Item | None,
    names: dict[str, str] | None = None,
    **what: Any,
) -> Write:
    given = {
        "ConditionExpression": condition,
        "ExpressionAttributeValues": values,
        "ExpressionAttributeNames": names,
    }
    said = {name: part for name, part in given.items() if part}
    return {kind: {"TableName": config.projects_table, **what, **said}}
