"""Partners and their signing keys in the projects table.

A publishable key has an item that only names its project. Everything that can change is stored in
the project's items, so that no copy can be outdated.
"""

from craftkit import dynamodb
from craftkit.audit import repository as audit
from craftkit.clock import to_rfc3339
from craftkit.dynamodb import ConditionFailedError, Item
from craftkit.embed.partners.models import Partner, SigningKey
from craftkit.project_items import PARTNER, PUBLISHABLE_KEY, SIGNING_KEY, check_project
from craftkit.schema import from_stored


def get_partner(project_id: str) -> Partner | None:
    item = PARTNER.get(project_id)
    return _partner(project_id, item) if item else None


def put_partner(partner: Partner, previous: Partner | None, *, action: str) -> None:
    """Write the partner if it has not changed since `previous` was read.

    Raises:
        ConditionFailedError: it has changed.
    """
    item = {
        **PARTNER.key(partner.project_id),
        **partner.model_dump(mode="json", exclude={"project_id", "updated_at"}),
        "updated_at": to_rfc3339(partner.updated_at),
    }
    write = PARTNER.put(item)
    if previous:
        before = {":before": to_rfc3339(previous.updated_at)}
        write = PARTNER.put(item, "updated_at = :before", before)
    dynamodb.transact(
        [
            write,
            audit.entry(
                partner.project_id,
                actor=partner.updated_by,
                action=action,
                target=partner.project_id,
                now=partner.updated_at,
            ),
        ]
    )


def put_signing_key(signing: SigningKey) -> None:
    """Write a new key, and the item that finds its project.

    Raises:
        ConditionFailedError: the project does not exist, or is being deleted.
    """
    item = {
        **SIGNING_KEY.key(signing.project_id, signing.publishable_key),
        **signing.model_dump(exclude={"project_id", "created_at", "revoked_at"}),
        "created_at": to_rfc3339(signing.created_at),
    }
    pointer = {**PUBLISHABLE_KEY.key(signing.publishable_key), "project_id": signing.project_id}
    dynamodb.transact(
        [
            check_project(signing.project_id),
            PUBLISHABLE_KEY.put(pointer),
            SIGNING_KEY.put(item),
            audit.entry(
                signing.project_id,
                actor=signing.created_by,
                action="embed.signing_key.created",
                target=signing.id,
                now=signing.created_at,
            ),
        ]
    )


def revoke_signing_key(signing: SigningKey, *, by: str) -> None:
    """Mark a key as revoked at its `revoked_at`, unless it is revoked already."""
    assert signing.revoked_at is not None  # noqa: S101 the caller sets it
    try:
        dynamodb.transact(
            [
                SIGNING_KEY.update(
                    SIGNING_KEY.key(signing.project_id, signing.publishable_key),
                    "SET revoked_at = :now",
                    "attribute_not_exists(revoked_at)",
                    {":now": to_rfc3339(signing.revoked_at)},
                ),
                audit.entry(
                    signing.project_id,
                    actor=by,
                    action="embed.signing_key.revoked",
                    target=signing.id,
                    now=signing.revoked_at,
                ),
            ]
        )
    except ConditionFailedError:
        return  # another request has revoked it


def project_of(publishable_key: str) -> str | None:
    """The project of a publishable key, or None."""
    item = PUBLISHABLE_KEY.get(publishable_key)
    return str(item["project_id"]) if item else None


def partner_and_key(
    project_id: str, publishable_key: str | None
) -> tuple[Partner | None, SigningKey | None]:
    """The partner and, with `publishable_key`, this signing key, in one round trip."""
    if publishable_key is None:
        return get_partner(project_id), None
    keys = [PARTNER.key(project_id), SIGNING_KEY.key(project_id, publishable_key)]
    found = {item["sk"]: item for item in dynamodb.get_many(PARTNER.physical_table, keys)}
    partner, signing = (found.get(one["sk"]) for one in keys)
    return (
        _partner(project_id, partner) if partner else None,
        _signing_key(project_id, signing) if signing else None,
    )


def list_signing_keys(project_id: str) -> list[SigningKey]:
    """All keys of the project including revoked ones, oldest first."""
    items = SIGNING_KEY.list(project_id)
    keys = [_signing_key(project_id, item) for item in items]
    return sorted(keys, key=lambda signing: signing.id)


def _partner(project_id: str, item: Item) -> Partner:
    return from_stored(Partner, {**_plain(item), "project_id": project_id})


def _signing_key(project_id: str, item: Item) -> SigningKey:
    return from_stored(SigningKey, {**_plain(item), "project_id": project_id})


def _plain(item: Item) -> Item:
    return {name: value for name, value in item.items() if name not in ("pk", "sk")}
