"""Catalogs in the projects table: each version a row, and one row that names the newest."""

import json
import zlib
from itertools import islice

from craftkit import dynamodb, project_items
from craftkit.audit import repository as audit
from craftkit.clock import from_rfc3339, to_rfc3339
from craftkit.embed.models import Catalog, PublishedCatalog
from craftkit.errors import InvalidRequestError, Issues
from craftkit.project_items import key
from craftkit.schema import from_stored_json

BODY_LIMIT_BYTES = 300 * 1024
"""Compressed: a row holds 400 KB."""

_HEAD = "cataloghead#"
_VERSION = "catalog#"
_VERSIONS_SHOWN = 100


def latest_version(project_id: str, name: str) -> int:
    """The newest version's number, 0 where there is no catalog of this name."""
    item = project_items.get(key(project_id, _HEAD + name))
    return int(item["version"]) if item else 0


def get(project_id: str, name: str, version: int) -> PublishedCatalog | None:
    item = project_items.get(key(project_id, _version_sk(name, version)))
    if item is None:
        return None
    return PublishedCatalog(
        name=name,
        version=version,
        catalog=from_stored_json(Catalog, zlib.decompress(bytes(item["body"]))),
        created_at=from_rfc3339(item["created_at"]),
        by=item["by"],
    )


def put(project_id: str, catalog: PublishedCatalog) -> None:
    """Write a version and that it is the newest: both or neither.

    Raises:
        ConditionFailedError: somebody else published since the number was chosen.
        InvalidRequestError: it is too large.
    """
    body = zlib.compress(json.dumps(catalog.catalog.as_json(), ensure_ascii=False).encode())
    if len(body) > BODY_LIMIT_BYTES:
        message = f"The catalog is larger than {BODY_LIMIT_BYTES // 1024} KiB."
        raise InvalidRequestError(message, issues=Issues(field_errors={"catalog": [message]}))
    created_at = to_rfc3339(catalog.created_at)
    version = {
        **key(project_id, _version_sk(catalog.name, catalog.version)),
        "version": catalog.version,
        "body": body,
        "created_at": created_at,
        "by": catalog.by,
    }
    head = {
        **key(project_id, _HEAD + catalog.name),
        "name": catalog.name,
        "version": catalog.version,
        "updated_at": created_at,
    }
    dynamodb.transact(
        [
            project_items.put(version),
            project_items.put(
                head,
                "attribute_not_exists(pk) OR version = :before",
                {":before": catalog.version - 1},
            ),
            audit.entry(
                project_id,
                actor=catalog.by,
                action="embed.catalog.published",
                target=catalog.name,
                now=catalog.created_at,
                version=str(catalog.version),
            ),
        ]
    )


def heads(project_id: str, limit: int, after: str | None) -> list[tuple[str, int, str]]:
    """Name, newest version and its time of each catalog, by name, those after `after`."""
    start = {"ExclusiveStartKey": key(project_id, _HEAD + after)} if after else {}
    items = islice(project_items.of_project(project_id, _HEAD, Limit=limit, **start), limit)
    return [(item["name"], int(item["version"]), item["updated_at"]) for item in items]


def versions(project_id: str, name: str) -> list[int]:
    items = project_items.of_project(
        project_id,
        f"{_VERSION}{name}#",
        ProjectionExpression="version",
        ScanIndexForward=False,
        Limit=_VERSIONS_SHOWN,
    )
    return [int(item["version"]) for item in islice(items, _VERSIONS_SHOWN)]


def _version_sk(name: str, version: int) -> str:
    return f"{_VERSION}{name}#{version:06}"
