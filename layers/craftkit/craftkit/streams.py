"""Reads batches of a DynamoDB stream and reports the records that failed. Each is delivered at
least once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent

from craftkit.dynamodb import Item
from craftkit.observability import logger


@dataclass(frozen=True)
class Change:
    """An item before and after a change. `old` is None for an insert, `new` for a deletion."""

    number: str
    old: Item | None
    new: Item | None


@dataclass
class Batch:
    """The changes of one invocation in order, and the sequence numbers of those that failed."""

    changes: list[Change]
    failed: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, event: dict[str, Any]) -> "Batch":
        return cls(
            [
                Change(
                    number=str(part.sequence_number),
                    old=part.old_image or None,
                    new=part.new_image or None,
                )
                for record in DynamoDBStreamEvent(event).records
                if (part := record.dynamodb) is not None
            ]
        )

    @contextmanager
    def marking(self, change: Change) -> Iterator[None]:
        """Mark the change as failed if the block raises, so that the others are handled."""
        try:
            yield
        except Exception:
            logger.exception("a change was not handled")
            self.failed.add(change.number)

    @property
    def answer(self) -> dict[str, Any]:
        """The response for `ReportBatchItemFailures`. Lambda retries from the first failure on."""
        failed = [each.number for each in self.changes if each.number in self.failed]
        return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}


def each_change(event: dict[str, Any], handle: Callable[[Change], object]) -> dict[str, Any]:
    """Call `handle` for each change of a batch. `handle` must be idempotent.

    A change that fails does not stop the later ones.
    """
    batch = Batch.of(event)
    for change in batch.changes:
        with batch.marking(change):
            handle(change)
    return batch.answer
