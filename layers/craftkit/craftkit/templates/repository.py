"""Templates, versions and drafts in the content table.

A version's manifest and source are one compressed attribute: a list of versions does not read it,
and the largest allowed template stays far below DynamoDB's 400 KB.
"""

import json
import zlib
from datetime import datetime
from itertools import islice
from typing import Any

from craftkit import dynamodb
from craftkit.audit import repository as audit
from craftkit.clock import from_rfc3339, to_rfc3339, utc_now
from craftkit.dynamodb import Item
from craftkit.project_items import (
    NEW,
    RETIRED_SLUG,
    TEMPLATE,
    TEMPLATE_DRAFT,
    TEMPLATE_VERSION,
)
from craftkit.schema import from_stored
from craftkit.templates.models import Draft, Manifest, Template, TemplateVersion, VersionSummary

_SUMMARY = "#number, #name, pdf_standard, locale, published_at, #by, slug"
_SUMMARY_NAMES = {"#number": "number", "#name": "name", "#by": "by"}


def get_template(project_id: str, slug: str) -> Template | None:
    """The template, read with strong consistency, so that renders use the latest version."""
    item = TEMPLATE.get(project_id, slug)
    return _template(project_id, item) if item else None


def list_templates(project_id: str, limit: int, after: str | None) -> list[Template]:
    """Templates after `after`, sorted by slug."""
    start = {"ExclusiveStartKey": TEMPLATE.key(project_id, after)} if after else {}
    items = TEMPLATE.list(project_id, Limit=limit, **start)
    return [_template(project_id, item) for item in islice(items, limit)]


def get_version(project_id: str, slug: str, number: int) -> TemplateVersion | None:
    item = TEMPLATE_VERSION.get(project_id, slug, _padded(number))
    return _version(item) if item else None


def list_versions(project_id: str, slug: str, limit: int) -> list[VersionSummary]:
    """Newest first."""
    items = TEMPLATE_VERSION.list(
        project_id,
        slug,
        ScanIndexForward=False,
        Limit=limit,
        ProjectionExpression=_SUMMARY,
        ExpressionAttributeNames=_SUMMARY_NAMES,
    )
    return [VersionSummary(**_summary(item)) for item in islice(items, limit)]


def last_number(project_id: str, slug: str) -> int:
    """The last version number of a deleted template of this slug; 0 if there was none."""
    item = RETIRED_SLUG.get(project_id, slug)
    return int(item["number"]) if item else 0


def put_version(
    project_id: str,
    version: TemplateVersion,
    previous: Template | None,
    *,
    publish: bool = True,
) -> None:
    """Write a version and update its template, in one transaction.

    Args:
        previous: the template as it was read, for the condition that it has not changed.
        publish: whether renders use the version from now on.

    Raises:
        ConditionFailedError: the template was published or deleted in between.
    """
    published_at = to_rfc3339(version.published_at)
    template: Item = {
        **TEMPLATE.key(project_id, version.slug),
        "slug": version.slug,
        "name": version.name,
        "last_number": version.number,
        "created_at": to_rfc3339(previous.created_at) if previous else published_at,
        "updated_at": published_at,
    }
    if publish:
        template["latest_version"] = version.number
    elif previous and previous.latest_version is not None:
        template |= {"latest_version": previous.latest_version, "name": previous.name}
    dynamodb.transact(
        [
            TEMPLATE_VERSION.put(_version_item(project_id, version)),
            TEMPLATE.put(template, *_unchanged(previous)),
            audit.entry(
                project_id,
                actor=version.by,
                action="template.published" if publish else "template.version_created",
                target=version.slug,
                now=version.published_at,
                version=str(version.number),
            ),
        ]
    )


def set_latest_version(template: Template, version: TemplateVersion, *, by: str) -> None:
    """Make renders use an existing version.

    Raises:
        ConditionFailedError: another version was created or published in between.
    """
    now = utc_now()
    condition, values = _unchanged(template)
    dynamodb.transact(
        [
            TEMPLATE.update(
                TEMPLATE.key(template.project_id, template.slug),
                "SET latest_version = :version, #name = :name, updated_at = :now",
                condition,
                {
                    **(values or {}),
                    ":version": version.number,
                    ":name": version.name,
                    ":now": to_rfc3339(now),
                },
                {"#name": "name"},
            ),
            audit.entry(
                template.project_id,
                actor=by,
                action="template.published",
                target=template.slug,
                now=now,
                version=str(version.number),
            ),
        ]
    )


def retire(template: Template, *, by: str, now: datetime) -> None:
    """Delete the template and store its last version number, so that no number is used twice.

    Raises:
        ConditionFailedError: a version was published in between.
    """
    project_id, slug = template.project_id, template.slug
    retired = {**RETIRED_SLUG.key(project_id, slug), "number": template.highest_number}
    dynamodb.transact(
        [
            TEMPLATE.delete(TEMPLATE.key(project_id, slug), *_unchanged(template)),
            RETIRED_SLUG.put(retired, condition=None),
            TEMPLATE_DRAFT.delete(TEMPLATE_DRAFT.key(project_id, slug)),
            audit.entry(
                project_id,
                actor=by,
                action="template.deleted",
                target=slug,
                now=now,
            ),
        ]
    )


def delete_versions(project_id: str, slug: str) -> None:
    keys = TEMPLATE_VERSION.list(project_id, slug, ProjectionExpression="pk, sk")
    with TEMPLATE_VERSION.table().batch_writer() as batch:
        for each in keys:
            batch.delete_item(Key=each)


def get_draft(project_id: str, slug: str) -> Draft | None:
    item = TEMPLATE_DRAFT.get(project_id, slug)
    if item is None:
        return None
    body = _unpack(item["body"])
    return Draft(
        slug=item["slug"],
        name=item["name"],
        manifest=body["manifest"],
        source=body["source"],
        pdf_standard=item["pdf_standard"],
        locale=item["locale"],
        revision=int(item["revision"]),
        saved_at=from_rfc3339(item["saved_at"]),
        by=item["by"],
    )


def put_draft(project_id: str, draft: Draft, create: Template | None) -> None:
    """Save the draft if the stored revision is the one before it.

    Args:
        create: the template to create with the draft, if there is none.

    Raises:
        ConditionFailedError: another editor has saved the draft or created the template.
    """
    item = {
        **TEMPLATE_DRAFT.key(project_id, draft.slug),
        "slug": draft.slug,
        "name": draft.name,
        "body": _pack({"manifest": draft.manifest, "source": draft.source}),
        "pdf_standard": draft.pdf_standard,
        "locale": draft.locale,
        "revision": draft.revision,
        "saved_at": to_rfc3339(draft.saved_at),
        "by": draft.by,
    }
    if draft.revision > 1:
        before = {":revision": draft.revision - 1}
        writes = [TEMPLATE_DRAFT.put(item, "revision = :revision", before)]
    else:
        writes = [TEMPLATE_DRAFT.put(item)]
    if create:
        template = {
            **TEMPLATE.key(project_id, create.slug),
            "slug": create.slug,
            "name": create.name,
            "created_at": to_rfc3339(create.created_at),
            "updated_at": to_rfc3339(create.updated_at),
        }
        writes.append(TEMPLATE.put(template))
    dynamodb.transact(writes)


def delete_draft(project_id: str, slug: str) -> None:
    TEMPLATE_DRAFT.table().delete_item(Key=TEMPLATE_DRAFT.key(project_id, slug))


def _unchanged(template: Template | None) -> tuple[str, Item | None]:
    """The condition that the template has not changed since it was read, and its values."""
    if template is None:
        return NEW, None
    conditions, values = ["attribute_exists(pk)"], dict[str, Any]()
    numbers = {"latest_version": template.latest_version, "last_number": template.last_number}
    for attribute, value in numbers.items():
        if value is None:
            conditions.append(f"attribute_not_exists({attribute})")
        else:
            conditions.append(f"{attribute} = :was_{attribute}")
            values[f":was_{attribute}"] = value
    return " AND ".join(conditions), values or None


def _template(project_id: str, item: Item) -> Template:
    return Template(
        project_id=project_id,
        slug=item["slug"],
        name=item["name"],
        latest_version=_number(item, "latest_version"),
        last_number=_number(item, "last_number"),
        created_at=from_rfc3339(item["created_at"]),
        updated_at=from_rfc3339(item["updated_at"]),
    )


def _number(item: Item, name: str) -> int | None:
    return int(item[name]) if name in item else None


def _summary(item: Item) -> dict[str, Any]:
    return {
        "slug": item["slug"],
        "number": int(item["number"]),
        "name": item["name"],
        "pdf_standard": item["pdf_standard"],
        "locale": item["locale"],
        "published_at": from_rfc3339(item["published_at"]),
        "by": item["by"],
    }


def _version(item: Item) -> TemplateVersion:
    body = _unpack(item["body"])
    manifest = from_stored(Manifest, body["manifest"])
    return TemplateVersion(
        **_summary(item), manifest=manifest, source=body["source"], fonts=body.get("fonts", {})
    )


def _version_item(project_id: str, version: TemplateVersion) -> Item:
    body = {
        "manifest": json.loads(version.manifest.canonical),
        "source": version.source,
        "fonts": dict(version.fonts),
    }
    return {
        **TEMPLATE_VERSION.key(project_id, version.slug, _padded(version.number)),
        "slug": version.slug,
        "number": version.number,
        "name": version.name,
        "body": _pack(body),
        "pdf_standard": version.pdf_standard,
        "locale": version.locale,
        "published_at": to_rfc3339(version.published_at),
        "by": version.by,
    }


def _pack(body: dict[str, Any]) -> bytes:
    return zlib.compress(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())


def _unpack(body: Any) -> dict[str, Any]:
    unpacked: dict[str, Any] = json.loads(zlib.decompress(bytes(body)))
    return unpacked


def _padded(number: int) -> str:
    """The number with leading zeros, so that it sorts as text."""
    return f"{number:06}"
