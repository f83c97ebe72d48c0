"""Trust rules and the records of token exchanges, in two tables.

The rules table holds the rules of a project; only dashboard and CLI write it. The tokens table is
written by the exchange: `rule#<id>` lists the tokens issued under a rule, so that ending the rule
finds all of them with strong consistency; `used#<hash>` marks a foreign token as used; and
`issuer#<hash>` holds an issuer's public keys. Its items expire by TTL.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from boto3.dynamodb.conditions import Key as KeyCondition

from craftkit import dynamodb
from craftkit.audit import repository as audit
from craftkit.clock import from_rfc3339, to_epoch_seconds, to_rfc3339
from craftkit.config import config
from craftkit.dynamodb import Item
from craftkit.project_items import check_project
from craftkit.trust.models import IssuerKeys, TrustRule

Write = dict[str, Any]

BY_ID = "by_id"

_IS_ACTIVE = "attribute_exists(rule_id) AND attribute_not_exists(ended_at)"

_KEPT_AFTER_EXPIRY = timedelta(hours=1)
_ISSUER_KEPT = timedelta(days=7)


def create_rule(rule: TrustRule) -> None:
    """Write a new rule and its audit entry.

    Raises:
        ConditionFailedError: there is no such project, or it is being deleted.
    """
    new = {"ConditionExpression": "attribute_not_exists(rule_id)"}
    put = {"Put": {"TableName": config.trust_rules_table, "Item": _rule_item(rule), **new}}
    entry = _entry(rule, "trust.created", rule.created_by, rule.created_at)
    dynamodb.transact([check_project(rule.project_id), put, entry])


def end_rule(rule: TrustRule, *, by: str, now: datetime) -> None:
    """Mark a rule as ended: no exchange can use it from this moment on.

    Raises:
        ConditionFailedError: it is ended already.
    """
    update = {
        "TableName": config.trust_rules_table,
        "Key": _rule_key(rule.project_id, rule.id),
        "UpdateExpression": "SET ended_at = :now",
        "ConditionExpression": _IS_ACTIVE,
        "ExpressionAttributeValues": {":now": to_rfc3339(now)},
    }
    dynamodb.transact([{"Update": update}, _entry(rule, "trust.ended", by, now)])


def get_rule(rule_id: str) -> TrustRule | None:
    """A rule by its id alone. A rule that was created a moment ago may not be found yet."""
    found = dynamodb.query(
        config.trust_rules_table,
        IndexName=BY_ID,
        KeyConditionExpression=KeyCondition("rule_id").eq(rule_id),
    )
    for keys in found:
        return get_rule_of(str(keys["project_id"]), rule_id)
    return None


def get_rule_of(project_id: str, rule_id: str) -> TrustRule | None:
    """A rule of a project, strongly consistent."""
    table = dynamodb.table(config.trust_rules_table)
    item = table.get_item(Key=_rule_key(project_id, rule_id), ConsistentRead=True).get("Item")
    return _rule_of(item) if item else None


def list_rules(project_id: str) -> list[TrustRule]:
    """Every rule of a project, ended ones included, oldest first; strongly consistent."""
    items = dynamodb.query(
        config.trust_rules_table,
        KeyConditionExpression=KeyCondition("project_id").eq(project_id),
        ConsistentRead=True,
    )
    return [_rule_of(item) for item in items]


def issue_writes(
    rule: TrustRule, *, key_id: str, expires_at: datetime, used: str, used_until: datetime
) -> list[Write]:
    """The writes that belong into the transaction that creates a token.

    They hold only while the rule is active and the foreign token (`used`) is unused.
    """
    rule_is_active = {
        "TableName": config.trust_rules_table,
        "Key": _rule_key(rule.project_id, rule.id),
        "ConditionExpression": _IS_ACTIVE,
    }
    listed = {
        "pk": f"rule#{rule.id}",
        "sk": key_id,
        "expires_at_epoch": to_epoch_seconds(expires_at + _KEPT_AFTER_EXPIRY),
    }
    mark = {
        "pk": f"used#{used}",
        "sk": "used",
        "expires_at_epoch": to_epoch_seconds(used_until + _KEPT_AFTER_EXPIRY),
    }
    unused = "attribute_not_exists(pk)"
    return [
        {"ConditionCheck": rule_is_active},
        {"Put": {"TableName": config.trust_tokens_table, "Item": listed}},
        {
            "Put": {
                "TableName": config.trust_tokens_table,
                "Item": mark,
                "ConditionExpression": unused,
            }
        },
    ]


def use_proof(identity: str, *, until: datetime) -> None:
    """Record that a DPoP proof is used.

    Raises:
        ConditionFailedError: it was used already.
    """
    item = {
        "pk": f"proof#{identity}",
        "sk": "used",
        "expires_at_epoch": to_epoch_seconds(until + _KEPT_AFTER_EXPIRY),
    }
    with dynamodb.conditions():
        _tokens().put_item(Item=item, ConditionExpression="attribute_not_exists(pk)")


def token_ids(rule_id: str) -> Iterator[str]:
    """Key ids of the tokens issued under a rule that are not long expired; none is missed."""
    items = dynamodb.query(
        config.trust_tokens_table,
        KeyConditionExpression=KeyCondition("pk").eq(f"rule#{rule_id}"),
        ConsistentRead=True,
    )
    return (str(item["sk"]) for item in items)


def get_issuer_keys(issuer: str) -> IssuerKeys | None:
    """The stage's copy of an issuer's keys."""
    item = _tokens().get_item(Key=_issuer_key(issuer), ConsistentRead=True).get("Item")
    if item is None:
        return None
    fetched_at = item.get("fetched_at")
    return IssuerKeys(
        issuer=issuer,
        keys=tuple(json.loads(str(item["keys"]))),
        fetched_at=from_rfc3339(str(fetched_at)) if fetched_at else None,
        next_fetch_at=from_rfc3339(str(item["next_fetch_at"])),
    )


def put_issuer_keys(keys: IssuerKeys) -> None:
    """Keep an issuer's keys for all instances of the stage."""
    item: Item = {
        **_issuer_key(keys.issuer),
        "keys": json.dumps(keys.keys),
        "next_fetch_at": to_rfc3339(keys.next_fetch_at),
        "expires_at_epoch": to_epoch_seconds(keys.next_fetch_at + _ISSUER_KEPT),
    }
    if keys.fetched_at is not None:
        item["fetched_at"] = to_rfc3339(keys.fetched_at)
    _tokens().put_item(Item=item)


def claim_fetch(issuer: str, kept: IssuerKeys | None, *, until: datetime) -> None:
    """Reserve the next fetch of an issuer's keys for this caller.

    Raises:
        ConditionFailedError: another instance reserved it since `kept` was read.
    """
    values: dict[str, Any] = {
        ":until": to_rfc3339(until),
        ":none": "[]",
        ":ttl": to_epoch_seconds(until + _ISSUER_KEPT),
    }
    condition = "attribute_not_exists(pk)"
    if kept is not None:
        condition = "next_fetch_at = :was"
        values[":was"] = to_rfc3339(kept.next_fetch_at)
    with dynamodb.conditions():
        _tokens().update_item(
            Key=_issuer_key(issuer),
            UpdateExpression=(
                "SET next_fetch_at = :until, expires_at_epoch = :ttl, "
                "#keys = if_not_exists(#keys, :none)"
            ),
            ConditionExpression=condition,
            ExpressionAttributeNames={"#keys": "keys"},
            ExpressionAttributeValues=values,
        )


def _tokens() -> Any:
    return dynamodb.table(config.trust_tokens_table)


def _issuer_key(issuer: str) -> dict[str, str]:
    return {"pk": f"issuer#{hashlib.sha256(issuer.encode()).hexdigest()}", "sk": "keys"}


def _rule_key(project_id: str, rule_id: str) -> dict[str, str]:
    return {"project_id": project_id, "rule_id": rule_id}


def _rule_item(rule: TrustRule) -> Item:
    item: Item = {
        **_rule_key(rule.project_id, rule.id),
        "name": rule.name,
        "issuer": rule.issuer,
        "audience": rule.audience,
        "subject": rule.subject,
        "claims": rule.claims,
        "mode": rule.mode,
        "scopes": " ".join(rule.scopes),
        "templates": " ".join(rule.templates),
        "life_seconds": int(rule.life.total_seconds()),
        "created_at": to_rfc3339(rule.created_at),
        "created_by": rule.created_by,
    }
    if rule.ended_at is not None:
        item["ended_at"] = to_rfc3339(rule.ended_at)
    return item


def _rule_of(item: Item) -> TrustRule:
    return TrustRule(
        id=item["rule_id"],
        project_id=item["project_id"],
        name=item["name"],
        issuer=item["issuer"],
        audience=item["audience"],
        subject=item["subject"],
        claims=item["claims"],
        mode=item["mode"],
        scopes=tuple(item["scopes"].split()),
        templates=tuple(item["templates"].split()),
        life=timedelta(seconds=int(item["life_seconds"])),
        created_at=from_rfc3339(item["created_at"]),
        created_by=item["created_by"],
        ended_at=from_rfc3339(item["ended_at"]) if "ended_at" in item else None,
    )


def _entry(rule: TrustRule, action: str, by: str, now: datetime) -> Write:
    return audit.entry(
        rule.project_id,
        actor=by,
        action=action,
        target=rule.id,
        now=now,
        name=rule.name,
        issuer=rule.issuer,
        subject=rule.subject,
    )
