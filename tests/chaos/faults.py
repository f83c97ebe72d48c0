"""Faults, drawn from one seed, so that a failing run can be repeated."""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

_PLACES = 12
"""The number of points at which an invocation can be killed: before or after one of its calls."""

_THROTTLING_CODES = ("ProvisionedThroughputExceededException", "ThrottlingException")


class KilledError(BaseException):
    """Ends a killed invocation. Not an `Exception`, so that the code under test cannot catch it."""


@dataclass(frozen=True)
class FaultRates:
    """The probability of each fault, from 0 to 1."""

    worker_killed: float = 0.10
    send_failed: float = 0.05
    table_throttled: float = 0.05
    other_killed: float = 0.02
    answer_lost: float = 0.005
    message_twice: float = 0.01
    record_twice: float = 0.02
    receiver_failed: float = 0.10


class Faults:
    """Injects faults and counts them, while `are_on` is true."""

    def __init__(self, seed: int, rates: FaultRates) -> None:
        self.random = random.Random(seed)
        self.rates, self.are_on = rates, False
        self.counted: Counter[str] = Counter()
        self._steps_left: int | None = None

    def happens(self, name: str) -> bool:
        """Whether the fault `FaultRates.<name>` happens this time."""
        is_so = self.are_on and self.random.random() < getattr(self.rates, name)
        self.counted[name] += is_so
        return is_so

    @contextmanager
    def invocation(self, name: str) -> Iterator[None]:
        """An invocation of a function, which can be killed at any step and after its last call.

        Raises:
            KilledError: the invocation was killed.
        """
        is_killed = self.happens(name)
        self._steps_left = self.random.randrange(_PLACES) if is_killed else None
        try:
            yield
        finally:
            survived = self._steps_left is not None
            self._steps_left = None
        if survived:
            raise KilledError

    def step(self) -> None:
        """A point at which the invocation can be killed."""
        if self._steps_left is None:
            return
        if self._steps_left == 0:
            self._steps_left = None
            raise KilledError
        self._steps_left -= 1

    def throttle(self, operation: str) -> None:
        """A throttled table request, after all retries of the client.

        Raises:
            ClientError: as DynamoDB returns it, for a transaction or a single request.
        """
        if not self.happens("table_throttled"):
            return
        if operation == "TransactWriteItems" and self.random.random() < 0.5:
            reasons = [{"Code": "ThrottlingError"}]
            raise _error("TransactionCanceledException", operation, CancellationReasons=reasons)
        raise _error(self.random.choice(_THROTTLING_CODES), operation)

    def lose(self, url: str) -> None:
        """A request that was processed and whose response was lost.

        Raises:
            ReadTimeoutError: the caller cannot know whether the request was processed.
        """
        if self.happens("answer_lost"):
            raise ReadTimeoutError(endpoint_url=url)

    @contextmanager
    def send(self, url: str) -> Iterator[None]:
        """A send that fails: half of the time before the queue has the message, half after.

        Raises:
            ConnectTimeoutError: the queue does not have the message.
            ReadTimeoutError: the queue has the message.
        """
        is_lost = self.happens("send_failed")
        is_sent = self.random.random() < 0.5
        if is_lost and not is_sent:
            raise ConnectTimeoutError(endpoint_url=url)
        yield
        if is_lost:
            raise ReadTimeoutError(endpoint_url=url)


def _error(code: str, operation: str, **more: Any) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": "Slow down."}, **more}
    return ClientError(response, operation)
