"""What goes wrong, how often, and where: drawn from one seed, so that a bad run can be repeated."""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

_PLACES = 12
"""A doomed invocation ends at one of so many places: before or after one of its calls."""

_SLIPS = ("ProvisionedThroughputExceededException", "ThrottlingException")


class KilledError(BaseException):
    """What being killed looks like from inside: nothing after it runs."""


@dataclass(frozen=True)
class Odds:
    """Each is the share of its occasions on which it happens."""

    worker_killed: float = 0.10
    send_failed: float = 0.05
    table_throttled: float = 0.05
    other_killed: float = 0.02
    answer_lost: float = 0.005
    message_twice: float = 0.01
    record_twice: float = 0.02
    receiver_failed: float = 0.10


class Faults:
    """Injects faults, and counts them. None happens until `are_on`."""

    def __init__(self, seed: int, odds: Odds) -> None:
        self.random = random.Random(seed)
        self.odds, self.are_on = odds, False
        self.counted: Counter[str] = Counter()
        self._steps_to_live: int | None = None

    def happens(self, name: str) -> bool:
        """Draw for one occasion of `Odds.<name>`."""
        is_so = self.are_on and self.random.random() < getattr(self.odds, name)
        self.counted[name] += is_so
        return is_so

    @contextmanager
    def invocation(self, name: str) -> Iterator[None]:
        """An invocation of a function, which may be killed anywhere, even after its last call.

        Raises:
            KilledError: it was.
        """
        is_doomed = self.happens(name)
        self._steps_to_live = self.random.randrange(_PLACES) if is_doomed else None
        try:
            yield
        finally:
            survived = self._steps_to_live is not None
            self._steps_to_live = None
        if survived:
            raise KilledError

    def step(self) -> None:
        """A place at which an invocation can be killed."""
        if self._steps_to_live is None:
            return
        if self._steps_to_live == 0:
            self._steps_to_live = None
            raise KilledError
        self._steps_to_live -= 1

    def throttle(self, operation: str) -> None:
        """A table that is asked for too much, after all of the client's own attempts.

        Raises:
            ClientError: as DynamoDB words it, for a transaction or a single call.
        """
        if not self.happens("table_throttled"):
            return
        if operation == "TransactWriteItems" and self.random.random() < 0.5:
            reasons = [{"Code": "ThrottlingError"}]
            raise _error("TransactionCanceledException", operation, CancellationReasons=reasons)
        raise _error(self.random.choice(_SLIPS), operation)

    def lose(self, url: str) -> None:
        """A call that was made, and whose answer never came.

        Raises:
            ReadTimeoutError: the caller cannot know.
        """
        if self.happens("answer_lost"):
            raise ReadTimeoutError(endpoint_url=url)

    @contextmanager
    def send(self, url: str) -> Iterator[None]:
        """A send that fails: half of them before the queue took the message, half after.

        Raises:
            ConnectTimeoutError, ReadTimeoutError: which of the two, the caller may not rely on.
        """
        is_lost = self.happens("send_failed")
        comes_late = self.random.random() < 0.5
        if is_lost and not comes_late:
            raise ConnectTimeoutError(endpoint_url=url)
        yield
        if is_lost:
            raise ReadTimeoutError(endpoint_url=url)


def _error(code: str, operation: str, **more: Any) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": "Slow down."}, **more}
    return ClientError(response, operation)
