"""Changes of a table, as its stream hands them to a function: in batches, at least once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent

from craftkit.dynamodb import Item
from craftkit.observability import logger


@dataclass(frozen=True)
class Change:
    """An item before and after; None where there was none, or is none any more."""

    old: Item | None
    new: Item | None


def each_change(event: dict[str, Any], handle: Callable[[Change], object]) -> dict[str, Any]:
    """Give every change of a batch to `handle`, which must bear to see one twice.

    A change that fails keeps none behind it waiting: the rest is handled too, and what failed is
    reported, to be handed over again from there on.
    """
    failed: list[str | None] = []
    for record in DynamoDBStreamEvent(event).records:
        part = record.dynamodb
        if part is None:
            continue
        try:
            handle(Change(old=part.old_image or None, new=part.new_image or None))
        except Exception:
            logger.exception("a change was not handled")
            failed.append(part.sequence_number)
    return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}
