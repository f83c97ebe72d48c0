"""One strongly consistent read of the keys table, by the hash of the presented key."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from craftkit.auth.dynamodb_client import call_dynamodb
from craftkit.auth.principal import Principal
from craftkit.config import config


@dataclass(frozen=True)
class KeyRecord:
    """The item of one secret in the keys table. Times are RFC 3339, which sorts as text.

    `bound_to` is the RFC 7638 thumbprint of the public key that DPoP proofs must be signed with.
    """

    principal: Principal
    prefix: str
    expires_at: str | None
    revoked_at: str | None
    networks: tuple[str, ...] = ()
    bound_to: str | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, str]) -> "KeyRecord":
        return cls(
            principal=Principal.from_context(
                {
                    "projectId": row["project_id"],
                    "keyId": row["key_id"],
                    "mode": row["mode"],
                    "scopes": row["scopes"],
                    "templates": row["templates"],
                    "limited": row.get("limited", ""),
                    "ruleId": row.get("rule_id", ""),
                }
            ),
            prefix=row["prefix"],
            expires_at=row.get("expires_at"),
            revoked_at=row.get("revoked_at"),
            networks=tuple(row.get("networks", "").split()),
            bound_to=row.get("bound_to"),
        )


Lookup = Callable[[str], KeyRecord | None]


def find_key(key_hash: str) -> KeyRecord | None:
    """The record of a key's hash, or None.

    Raises:
        TableUnavailableError: the table did not answer, so the key is neither valid nor invalid.
    """
    answer = call_dynamodb(
        "GetItem",
        {
            "TableName": config.keys_table,
            "Key": {"key_hash": {"S": key_hash}},
            "ConsistentRead": True,
        },
    )
    item = answer.get("Item")
    return KeyRecord.from_row(_plain(item)) if item else None


def _plain(item: dict[str, dict[str, str]]) -> dict[str, str]:
    """The string attributes of an item in DynamoDB's wire format."""
    return {name: value["S"] for name, value in item.items() if "S" in value}
