"""Simulated time, queues and streams: actions run one after another in the order of their time."""

import heapq
import json
import zlib
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any
from uuid import UUID

from testkit.clock import NOON, FrozenClock
from testkit.events import event
from testkit.streams import passes, patterns_of, source_of
from testkit.template import Json, Template
from tests.chaos.cloud import MemoryCloud, folder_of
from tests.chaos.faults import Faults, KilledError

SHARDS = 4
_POLL_SECONDS = 0.5
_RETRY_SECONDS = 1.0


class Simulation:
    """Runs scheduled actions in the order of their time. `now` is in seconds since the start."""

    def __init__(self, template: Template, faults: Faults) -> None:
        self.clock, self.faults = FrozenClock(), faults
        self.cloud = MemoryCloud(template, faults, self._send)
        self.now = 0.0
        self._scheduled: list[tuple[float, int, Callable[[], object]]] = []
        self._order = count()
        self.receipts = count()
        self.queues: dict[str, Queue] = {}
        sources = template.of_type("AWS::Lambda::EventSourceMapping")
        self.streams = [
            StreamSource(self, name, source_of(properties)[0])
            for name, properties in sources.items()
            if source_of(properties)[1] == "StreamArn"
        ]
        for name, properties in template.of_type("AWS::SQS::Queue").items():
            self.queues[name] = Queue(self, name, properties)
        for properties in sources.values():
            logical_id, attribute = source_of(properties)
            if attribute == "Arn":
                self.queues[logical_id].function = properties["FunctionName"]

    def at(self, delay_seconds: float, action: Callable[[], object]) -> None:
        heapq.heappush(self._scheduled, (self.now + delay_seconds, next(self._order), action))

    def run(self, until: Callable[[], bool], limit_seconds: float) -> None:
        """Run until `until()` is true, no action is left, or the limit is reached."""
        while self._scheduled and self.now < limit_seconds:
            moment, _, action = heapq.heappop(self._scheduled)
            self.now = moment
            self.clock.now = NOON
            self.clock.advance(seconds=moment)
            action()
            if until():
                return

    def every(self, seconds: float, action: Callable[[], object]) -> None:
        def tick() -> None:
            self.at(seconds, tick)
            action()

        self.at(seconds, tick)

    def invoke(self, folder: str, sent: Json, rates: str, function: str | None = None) -> Any:
        """Run a function once.

        Raises:
            KilledError: the invocation was killed.
            Exception: the function failed.
        """
        self.faults.counted[f"invocations of {folder}"] += 1
        with self.faults.invocation(rates):
            return self.cloud.invoke(folder, sent, function=function)

    def new_uuid(self) -> UUID:
        """A UUIDv7 from the simulation's time and random generator."""
        milliseconds = int(self.clock.now.timestamp() * 1000)
        drawn = self.faults.random.getrandbits(74)
        high, low = drawn >> 62, drawn & ((1 << 62) - 1)
        return UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)

    def wake_streams(self) -> None:
        for stream in self.streams:
            stream.wake()

    @property
    def is_quiet(self) -> bool:
        """Whether no message is in flight and no stream has unprocessed records."""
        return not any(queue.moving for queue in self.queues.values()) and not any(
            stream.is_behind for stream in self.streams
        )

    def _send(self, queue: str, body: Json, delay_seconds: float) -> None:
        self.queues[queue].send(body, delay_seconds)


class Queue:
    """A standard queue and its function, if it has one: at-least-once delivery, no order."""

    def __init__(self, simulation: Simulation, name: str, properties: Json) -> None:
        self._simulation, self._name = simulation, name
        self._hidden_seconds = properties.get("VisibilityTimeout", 30)
        redrive = properties.get("RedrivePolicy", {})
        self._limit: int | None = redrive.get("maxReceiveCount")
        target = redrive.get("deadLetterTargetArn")
        self._dead_letter_queue: str | None = target["Fn::GetAtt"][0] if target else None
        self.function: Any = None
        self.moving = 0
        self.is_broken = False

    def send(self, body: Json, delay_seconds: float) -> None:
        if self.function is None:
            receipt = str(self._simulation.faults.random.getrandbits(64))
            self._simulation.cloud.waiting[self._name][receipt] = body
            return
        self.moving += 1
        chance = self._simulation.faults.random.random()
        self._simulation.at(delay_seconds + chance / 2, lambda: self._receive(body, 1))
        if self._simulation.faults.happens("message_twice"):
            self.moving += 1
            self._simulation.at(delay_seconds + chance, lambda: self._receive(body, 1))

    def _receive(self, body: Json, times: int) -> None:
        self.moving -= 1
        if self._limit is not None and times > self._limit and self._dead_letter_queue:
            self._simulation.faults.counted[f"messages into {self._dead_letter_queue}"] += 1
            self._simulation.queues[self._dead_letter_queue].send(body, 0)
            return
        receipt = str(next(self._simulation.receipts))
        if not self._is_handled(body, receipt, times):
            self.moving += 1
            hidden = self._simulation.cloud.visibility.pop(receipt, self._hidden_seconds)
            self._simulation.at(hidden, lambda: self._receive(body, times + 1))

    def _is_handled(self, body: Json, receipt: str, times: int) -> bool:
        folder, function = folder_of(self._simulation.cloud.template, self.function)
        sent = event(folder)
        [record] = sent["Records"]
        record["body"], record["receiptHandle"] = json.dumps(body), receipt
        record["attributes"]["ApproximateReceiveCount"] = str(times)
        rates = "worker_killed" if folder == "render_document" else "other_killed"
        if self.is_broken:
            self._simulation.faults.counted["invocations of a broken function"] += 1
            return False
        try:
            answer = self._simulation.invoke(folder, sent, rates, function)
        except (Exception, KilledError):
            return False
        finally:
            self._simulation.wake_streams()
        return not (answer or {}).get("batchItemFailures")


class StreamSource:
    """An event source of a table's stream: ordered by shard, retried from the first failure."""

    def __init__(self, simulation: Simulation, source: str, table: str) -> None:
        template = simulation.cloud.template
        properties = template.of_type("AWS::Lambda::EventSourceMapping")[source]
        self._simulation = simulation
        self._folder, self._function = folder_of(template, properties["FunctionName"])
        self._patterns = patterns_of(template, source)
        self._size = properties["BatchSize"]
        self._table = simulation.cloud.tables.tables[table]
        self._sorted = 0
        self._shards: list[list[Json]] = [[] for _ in range(SHARDS)]
        self._is_polling = False

    @property
    def is_behind(self) -> bool:
        self._read_new_records()
        return any(self._shards)

    def wake(self) -> None:
        if not self._is_polling and self.is_behind:
            self._is_polling = True
            chance = self._simulation.faults.random.random()
            self._simulation.at(_POLL_SECONDS * (0.5 + chance), self._poll)

    def _read_new_records(self) -> None:
        """Add new records to the shard of their item's key."""
        for record in self._table.records[self._sorted :]:
            if passes(record, self._patterns):
                image = record["dynamodb"]["NewImage"]
                key = "".join(image[name]["S"] for name in self._table.key)
                self._shards[zlib.crc32(key.encode()) % SHARDS].append(record)
        self._sorted = len(self._table.records)

    def _poll(self) -> None:
        self._is_polling = False
        for shard in self._shards:
            batch = shard[: self._size]
            if batch and self._is_handled(batch):
                del shard[: len(batch)]
        if any(self._shards):
            self._is_polling = True
            self._simulation.at(_RETRY_SECONDS, self._poll)

    def _is_handled(self, batch: list[Json]) -> bool:
        try:
            answer = self._simulation.invoke(
                self._folder, {"Records": batch}, "other_killed", self._function
            )
        except (Exception, KilledError):
            return False
        failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        if failed:
            # Records before the first failure are done; the rest is retried.
            numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
            first = min(numbers.index(number) for number in failed)
            shard = next(shard for shard in self._shards if shard[:1] == batch[:1])
            with suppress(IndexError):
                del shard[:first]
            return False
        return not self._simulation.faults.happens("record_twice")
