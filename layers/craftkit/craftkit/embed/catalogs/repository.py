"""Catalogs in the content table: one row for each version, and one for the latest number."""

import json
import zlib
from itertools import islice

from craftkit import dynamodb
from craftkit.audit import repository as audit
from craftkit.clock import from_rfc3339, to_rfc3339
from craftkit.embed.catalogs.models import Catalog, PublishedCatalog
from craftkit.errors import InvalidRequestError, Issues
from craftkit.project_items import CATALOG, CATALOG_VERSION
from craftkit.schema import from_stored_json

BODY_LIMIT_BYTES = 300 * 1024
"""Maximum compressed size. A DynamoDB item can have 400 KB."""

_VERSIONS_SHOWN = 100


def latest_version(project_id: str, name: str) -> int:
    """The latest version's number; 0 if there is no catalog of this name."""
    item = CATALOG.get(project_id, name)
    return int(item["version"]) if item else 0


def get(project_id: str, name: str, version: int) -> PublishedCatalog | None:
    item = CATALOG_VERSION.get(project_id, name, _padded(version))
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
    """Write a version and the latest version's number, in one transaction.

    Raises:
        ConditionFailedError: another version was published since the number was chosen.
        InvalidRequestError: the catalog is too large.
    """
    body = zlib.compress(json.dumps(catalog.catalog.as_json(), ensure_ascii=False).encode())
    if len(body) > BODY_LIMIT_BYTES:
        message = f"The catalog is larger than {BODY_LIMIT_BYTES // 1024} KiB."
        raise InvalidRequestError(message, issues=Issues(field_errors={"catalog": [message]}))
    created_at = to_rfc3339(catalog.created_at)
    version = {
        **CATALOG_VERSION.key(project_id, catalog.name, _padded(catalog.version)),
        "version": catalog.version,
        "body": body,
        "created_at": created_at,
        "by": catalog.by,
    }
    head = {
        **CATALOG.key(project_id, catalog.name),
        "name": catalog.name,
        "version": catalog.version,
        "updated_at": created_at,
    }
    dynamodb.transact(
        [
            CATALOG_VERSION.put(version),
            CATALOG.put(
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
    """Name, latest version and its time of each catalog after `after`, sorted by name."""
    start = {"ExclusiveStartKey": CATALOG.key(project_id, after)} if after else {}
    items = islice(CATALOG.list(project_id, Limit=limit, **start), limit)
    return [(item["name"], int(item["version"]), item["updated_at"]) for item in items]


def versions(project_id: str, name: str) -> list[int]:
    items = CATALOG_VERSION.list(
        project_id,
        name,
        ProjectionExpression="version",
        ScanIndexForward=False,
        Limit=_VERSIONS_SHOWN,
    )
    return [int(item["version"]) for item in islice(items, _VERSIONS_SHOWN)]


def _padded(version: int) -> str:
    """The number with leading zeros, so that it sorts as text."""
    return f"{version:06}"
