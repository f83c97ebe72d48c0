"""Changes of a table, as its stream hands them to a function: in batches, at least once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent

from craftkit.dynamodb import Item
from craftkit.observability import logger


@dataclass(frozen=True)
class Change:
    """An item before and after; None where there was none, or is none any more."""

    number: str
    old: Item | None
    new: Item | None


@dataclass
class Batch:
    """The changes of one invocation, in their order, and the numbers of those that failed."""

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
        """For `ReportBatchItemFailures`: Lambda hands over again from the first failure on."""
        failed = [each.number for each in self.changes if each.number in self.failed]
        return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}


def each_change(event: dict[str, Any], handle: Callable[[Change], object]) -> dict[str, Any]:
    """Give every change of a batch to `handle`, which must allow for seeing one twice.

    A change that fails stops none behind it.
    """
    batch = Batch.of(event)
    for change in batch.changes:
        with batch.marking(change):
            handle(change)
    return batch.answer
