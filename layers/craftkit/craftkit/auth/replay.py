"""Single use of DPoP proofs across all instances: a conditional write for each proof."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from craftkit.auth.dynamodb_client import RefusedWriteError, call_dynamodb
from craftkit.clock import to_epoch_seconds
from craftkit.config import config

if TYPE_CHECKING:
    from craftkit.auth.dpop import Proof

_MARGIN = timedelta(minutes=5)
"""How much longer a used proof is kept than it is valid: the clocks of instances may differ."""


def is_first_use(proof: Proof) -> bool:
    """Record that the proof is used; False where it was used before.

    Raises:
        TableUnavailableError: the table did not answer, so that the proof must not be accepted.
    """
    use = secrets.token_hex(8)
    item = {
        "proof": {"S": proof.identity},
        "use": {"S": use},
        "expires_at": {"N": str(to_epoch_seconds(proof.valid_until + _MARGIN))},
    }
    try:
        call_dynamodb(
            "PutItem",
            {
                "TableName": config.proofs_table,
                "Item": item,
                # A repeat of this write after a lost answer is no replay.
                "ConditionExpression": "attribute_not_exists(proof) OR #use = :use",
                "ExpressionAttributeNames": {"#use": "use"},
                "ExpressionAttributeValues": {":use": {"S": use}},
            },
        )
    except RefusedWriteError:
        return False
    return True
