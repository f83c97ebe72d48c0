"""Every kind of item that belongs to a project: its table, its key, and who may write it.

They are in three tables, so that IAM can separate their writers:

- the projects table has access data (projects, members, partners, keys of partners, hooks);
- the content table has content (templates, fonts, catalogs, webhook endpoints);
- the audit table has audit entries. Any function that changes something adds to it.

An item's partition key is `<partition>#<owner>`. Its sort key is the kind's name and the id of the
item within its kind, joined by `#`. A function's IAM role may write the kinds that name it in
`writers`, and no others: `tests/infrastructure/test_project_items.py` compares them with the
template. The CLI writes with the operator's own credentials.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from boto3.dynamodb.conditions import Key

from craftkit import dynamodb
from craftkit.config import config
from craftkit.dynamodb import Item
from craftkit.errors import ConflictError, NotFoundError

Write = dict[str, Any]
"""One of the writes that `dynamodb.transact` takes."""

NEW = "attribute_not_exists(pk)"
"""The condition that there is no such item yet."""

THERE = "attribute_exists(pk)"

TableName = Literal["projects", "content", "audit"]

_DASHBOARD = frozenset({"DashboardFunction"})
_EDITORS = _DASHBOARD | {"EmbedPageFunction"}
_PUBLISHERS = _EDITORS | {"CreateTemplateVersionFunction", "PublishTemplateVersionFunction"}


@dataclass(frozen=True)
class ItemKind:
    """One kind of item.

    Args:
        partition: the first part of the partition key; the second is the item's owner.
        name: the first part of the sort key; further parts identify the item within its kind.
        writers: the functions, by logical id, whose role may write it; None where any may.
    """

    table_name: TableName
    partition: str
    name: str
    writers: frozenset[str] | None

    def key(self, owner: str, *parts: str) -> dict[str, str]:
        return {"pk": f"{self.partition}#{owner}", "sk": "#".join((self.name, *parts))}

    def id_of(self, item: Item) -> str:
        """The part of the sort key that distinguishes the item from others of its kind."""
        return str(item["sk"]).removeprefix(f"{self.name}#")

    def owner_of(self, item: Item) -> str:
        return str(item["pk"]).removeprefix(f"{self.partition}#")

    @property
    def physical_table(self) -> str:
        match self.table_name:
            case "projects":
                return config.projects_table
            case "content":
                return config.content_table
            case "audit":
                return config.audit_table

    def table(self) -> Any:
        return dynamodb.table(self.physical_table)

    def get(self, owner: str, *parts: str) -> Item | None:
        """The item, strongly consistent."""
        answer = self.table().get_item(Key=self.key(owner, *parts), ConsistentRead=True)
        item: Item | None = answer.get("Item")
        return item

    def list(self, owner: str, *parts: str, **how: Any) -> Iterator[Item]:
        """Every item of the kind whose key begins with `parts`, in the order of keys, strongly
        consistent.

        Args:
            how: further arguments of `Table.query`. `Limit` is the size of one page of the query;
                the iterator goes on to the next page.
        """
        return dynamodb.query(
            self.physical_table,
            KeyConditionExpression=self.condition(owner, *parts),
            ConsistentRead=True,
            **how,
        )

    def condition(self, owner: str, *parts: str) -> Any:
        """The key condition of `list`, for a separate query."""
        first = self.key(owner, *parts, "")
        return Key("pk").eq(first["pk"]) & Key("sk").begins_with(first["sk"])

    def put(self, item: Item, condition: str | None = NEW, values: Item | None = None) -> Write:
        return self._write("Put", condition, values, Item=item)

    def update(
        self,
        key: dict[str, str],
        expression: str,
        condition: str,
        values: Item | None = None,
        names: dict[str, str] | None = None,
    ) -> Write:
        return self._write("Update", condition, values, names, Key=key, UpdateExpression=expression)

    def check(self, key: dict[str, str], condition: str, values: Item | None = None) -> Write:
        """A condition of the transaction that changes nothing."""
        return self._write("ConditionCheck", condition, values, Key=key)

    def delete(
        self,
        key: dict[str, str],
        condition: str | None = None,
        values: Item | None = None,
        names: dict[str, str] | None = None,
    ) -> Write:
        return self._write("Delete", condition, values, names, Key=key)

    def _write(
        self,
        operation: str,
        condition: str | None,
        values: Item | None = None,
        names: dict[str, str] | None = None,
        **parameters: Any,
    ) -> Write:
        optional = {
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ExpressionAttributeNames": names,
        }
        given = {name: value for name, value in optional.items() if value}
        return {operation: {"TableName": self.physical_table, **parameters, **given}}


PROJECT = ItemKind("projects", "project", "project", _DASHBOARD)
NOT_DELETING = f"{THERE} AND attribute_not_exists(deleting_at)"
"""The condition that there is such a project, and that its deletion has not begun."""

SLUG = ItemKind("projects", "slug", "project", _DASHBOARD)
"""The project of a slug. Its owner is the slug."""

MEMBER = ItemKind("projects", "project", "member", _DASHBOARD)
MEMBERSHIP = ItemKind("projects", "member", "project", _DASHBOARD)
"""A member, listed by user: its owner is the user's `sub`."""

USER = ItemKind("projects", "member", "person", _DASHBOARD)
"""The time from which a user's sessions are valid. Its owner is the user's `sub`."""

INVITATIONS_SENT = ItemKind("projects", "member", "invitations", _DASHBOARD)
"""How many invitations a user has sent on one day. Its owner is the user's `sub`."""

PROJECTS_CREATED = ItemKind("projects", "member", "created", _DASHBOARD)
"""How many projects a user has created on one day. Its owner is the user's `sub`."""

PARTNER = ItemKind("projects", "project", "partner", _DASHBOARD)
SIGNING_KEY = ItemKind("projects", "project", "signing", _DASHBOARD)
PUBLISHABLE_KEY = ItemKind("projects", "publishable", "project", _DASHBOARD)
"""The project of a publishable key. Its owner is the key."""

HOOK = ItemKind("projects", "project", "hook", _DASHBOARD)
HOOK_TOKEN = ItemKind("projects", "hook", "hook", _DASHBOARD)
"""The hook of a token. Its owner is the token's SHA-256."""

TEMPLATE = ItemKind("content", "templates", "template", _PUBLISHERS)
TEMPLATE_VERSION = ItemKind("content", "templates", "version", _PUBLISHERS)
TEMPLATE_DRAFT = ItemKind("content", "templates", "draft", _EDITORS)
RETIRED_SLUG = ItemKind("content", "templates", "retired", _DASHBOARD)
"""The last version number of a deleted template, so that no number is used twice."""

FONT = ItemKind("content", "fonts", "font", _DASHBOARD)
LETTERHEAD = ItemKind("content", "letterheads", "letterhead", _DASHBOARD)
LETTERHEAD_FILE = ItemKind("content", "letterheads", "file", _DASHBOARD)
"""A file of a letterhead, which stays when the letterhead is replaced or deleted."""

CATALOG = ItemKind("content", "catalogs", "catalog", _DASHBOARD | {"PublishCatalogFunction"})
"""The newest version of a catalog."""

CATALOG_VERSION = ItemKind(
    "content", "catalogs", "version", _DASHBOARD | {"PublishCatalogFunction"}
)
ENDPOINT = ItemKind("content", "endpoints", "endpoint", _DASHBOARD | {"DeliverWebhookFunction"})

AUDIT_ENTRY = ItemKind("audit", "project", "audit", None)


def check_project(project_id: str) -> Write:
    """The condition that the project exists and is not being deleted."""
    return PROJECT.check(PROJECT.key(project_id), NOT_DELETING)


def check_key_policy(project_id: str, set_at: str | None) -> Write:
    """`check_project`, and that the key policy is still the one that was set at this time."""
    if set_at is None:
        condition = f"{NOT_DELETING} AND attribute_not_exists(key_policy_set_at)"
        return PROJECT.check(PROJECT.key(project_id), condition)
    condition = f"{NOT_DELETING} AND key_policy_set_at = :set_at"
    return PROJECT.check(PROJECT.key(project_id), condition, {":set_at": set_at})


def require_project(project_id: str) -> None:
    """Raise the reason why `check_project` failed.

    Raises:
        NotFoundError: there is no such project.
        ConflictError: it is being deleted.
    """
    item = PROJECT.get(project_id)
    if item is None:
        raise NotFoundError("There is no such project.")
    if "deleting_at" in item:
        raise ConflictError("The project is being deleted. Nothing can be added to it.")


KINDS = (
    PROJECT,
    SLUG,
    MEMBER,
    MEMBERSHIP,
    USER,
    INVITATIONS_SENT,
    PROJECTS_CREATED,
    PARTNER,
    SIGNING_KEY,
    PUBLISHABLE_KEY,
    HOOK,
    HOOK_TOKEN,
    TEMPLATE,
    TEMPLATE_VERSION,
    TEMPLATE_DRAFT,
    RETIRED_SLUG,
    FONT,
    LETTERHEAD,
    LETTERHEAD_FILE,
    CATALOG,
    CATALOG_VERSION,
    ENDPOINT,
    AUDIT_ENTRY,
)
