"""Time, queues and streams: one event after the other, in the order of a clock that is not ours."""

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
_PUMP_SECONDS = 0.5
_AGAIN_SECONDS = 1.0


class World:
    """Runs actions in the order of their time. `now` is in seconds since the beginning."""

    def __init__(self, template: Template, faults: Faults) -> None:
        self.clock, self.faults = FrozenClock(), faults
        self.cloud = MemoryCloud(template, faults, self._send)
        self.now = 0.0
        self._agenda: list[tuple[float, int, Callable[[], object]]] = []
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
        heapq.heappush(self._agenda, (self.now + delay_seconds, next(self._order), action))

    def run(self, until: Callable[[], bool], limit_seconds: float) -> None:
        """Run until nothing is left to do by `until`, or for too long."""
        while self._agenda and self.now < limit_seconds:
            moment, _, action = heapq.heappop(self._agenda)
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

    def invoke(self, folder: str, sent: Json, odds: str, function: str | None = None) -> Any:
        """Run a function once.

        Raises:
            KilledError: it was killed.
            Exception: it failed.
        """
        self.faults.counted[f"invocations of {folder}"] += 1
        with self.faults.invocation(odds):
            return self.cloud.invoke(folder, sent, function=function)

    def new_uuid(self) -> UUID:
        """A UUIDv7 of this world's time and chance."""
        milliseconds = int(self.clock.now.timestamp() * 1000)
        drawn = self.faults.random.getrandbits(74)
        high, low = drawn >> 62, drawn & ((1 << 62) - 1)
        return UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)

    def wake_streams(self) -> None:
        for stream in self.streams:
            stream.wake()

    @property
    def is_quiet(self) -> bool:
        """Whether no message is on its way and no stream has anything to tell."""
        return not any(queue.moving for queue in self.queues.values()) and not any(
            stream.is_behind for stream in self.streams
        )

    def _send(self, queue: str, body: Json, delay_seconds: float) -> None:
        self.queues[queue].send(body, delay_seconds)


class Queue:
    """A queue and the function that reads it, if one does; at least once, in no order."""

    def __init__(self, world: World, name: str, properties: Json) -> None:
        self._world, self._name = world, name
        self._hidden_seconds = properties.get("VisibilityTimeout", 30)
        redrive = properties.get("RedrivePolicy", {})
        self._limit: int | None = redrive.get("maxReceiveCount")
        target = redrive.get("deadLetterTargetArn")
        self._remains: str | None = target["Fn::GetAtt"][0] if target else None
        self.function: Any = None
        self.moving = 0
        self.is_broken = False

    def send(self, body: Json, delay_seconds: float) -> None:
        if self.function is None:
            receipt = str(self._world.faults.random.getrandbits(64))
            self._world.cloud.waiting[self._name][receipt] = body
            return
        self.moving += 1
        chance = self._world.faults.random.random()
        self._world.at(delay_seconds + chance / 2, lambda: self._receive(body, 1))
        if self._world.faults.happens("message_twice"):
            self.moving += 1
            self._world.at(delay_seconds + chance, lambda: self._receive(body, 1))

    def _receive(self, body: Json, times: int) -> None:
        self.moving -= 1
        if self._limit is not None and times > self._limit and self._remains:
            self._world.faults.counted[f"messages into {self._remains}"] += 1
            self._world.queues[self._remains].send(body, 0)
            return
        receipt = str(next(self._world.receipts))
        if not self._is_handled(body, receipt, times):
            self.moving += 1
            hidden = self._world.cloud.visibility.pop(receipt, self._hidden_seconds)
            self._world.at(hidden, lambda: self._receive(body, times + 1))

    def _is_handled(self, body: Json, receipt: str, times: int) -> bool:
        folder, function = folder_of(self._world.cloud.template, self.function)
        sent = event(folder)
        [record] = sent["Records"]
        record["body"], record["receiptHandle"] = json.dumps(body), receipt
        record["attributes"]["ApproximateReceiveCount"] = str(times)
        odds = "worker_killed" if folder == "render_document" else "other_killed"
        if self.is_broken:
            self._world.faults.counted["invocations of a broken function"] += 1
            return False
        try:
            answer = self._world.invoke(folder, sent, odds, function)
        except (Exception, KilledError):
            return False
        finally:
            self._world.wake_streams()
        return not (answer or {}).get("batchItemFailures")


class StreamSource:
    """One reader of a table's stream: by shard in order, again from what failed, at least once."""

    def __init__(self, world: World, source: str, table: str) -> None:
        template = world.cloud.template
        properties = template.of_type("AWS::Lambda::EventSourceMapping")[source]
        self._world = world
        self._folder, self._function = folder_of(template, properties["FunctionName"])
        self._patterns = patterns_of(template, source)
        self._size = properties["BatchSize"]
        self._table = world.cloud.tables.tables[table]
        self._sorted = 0
        self._shards: list[list[Json]] = [[] for _ in range(SHARDS)]
        self._is_awake = False

    @property
    def is_behind(self) -> bool:
        self._take_in()
        return any(self._shards)

    def wake(self) -> None:
        if not self._is_awake and self.is_behind:
            self._is_awake = True
            chance = self._world.faults.random.random()
            self._world.at(_PUMP_SECONDS * (0.5 + chance), self._pump)

    def _take_in(self) -> None:
        """New records go to the shard of their item's key, which keeps their order."""
        for record in self._table.records[self._sorted :]:
            if passes(record, self._patterns):
                image = record["dynamodb"]["NewImage"]
                key = "".join(image[name]["S"] for name in self._table.key)
                self._shards[zlib.crc32(key.encode()) % SHARDS].append(record)
        self._sorted = len(self._table.records)

    def _pump(self) -> None:
        self._is_awake = False
        for shard in self._shards:
            batch = shard[: self._size]
            if batch and self._is_handled(batch):
                del shard[: len(batch)]
        if any(self._shards):
            self._is_awake = True
            self._world.at(_AGAIN_SECONDS, self._pump)

    def _is_handled(self, batch: list[Json]) -> bool:
        try:
            answer = self._world.invoke(
                self._folder, {"Records": batch}, "other_killed", self._function
            )
        except (Exception, KilledError):
            return False
        failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        if failed:
            # What was before the first failure is done; the rest comes again.
            numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
            first = min(numbers.index(number) for number in failed)
            shard = next(shard for shard in self._shards if shard[:1] == batch[:1])
            with suppress(IndexError):
                del shard[:first]
            return False
        return not self._world.faults.happens("record_twice")
