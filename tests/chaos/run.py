"""One run: a world, a story in it, and the verdict."""

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient

import typesetting
from craftkit.observability import logger
from craftkit.renders.repository import UNFINISHED
from craftkit.webhooks.deliveries import WAITING
from testkit.clock import frozen_time
from testkit.cloud import forget, variables
from testkit.events import event
from testkit.template import template
from tests.chaos.faults import Faults, KilledError, Odds
from tests.chaos.judge import Verdict, judge
from tests.chaos.story import ARRIVALS_SECONDS, OUTAGE, Story
from tests.chaos.world import World

LIMIT_SECONDS = 6 * 86_400.0


def run(seed: int, renders: int, odds: Odds | None = None) -> Verdict:
    """Let so many renders live under faults until everything has come to rest, and judge.

    The same seed makes the same run. Nothing waits: six days pass in as long as their work takes.
    """
    started = time.perf_counter()
    faults = Faults(seed, odds or Odds())
    random.seed(seed)  # the jitter of retries is drawn there
    world = World(template(), faults)
    with _in(world):
        story = Story(world, renders)
        worker = world.cloud.module("render_document")
        with (
            patch.object(worker, "typeset", story.typeset),
            patch("craftkit.network.fetch", story.receive),
        ):
            faults.are_on = True
            world.every(60, lambda: _requeue(world))
            world.run(lambda: _is_at_rest(world), LIMIT_SECONDS)
            faults.are_on = False
        verdict = judge(world, story)
    verdict.figures |= {name: times for name, times in sorted(faults.counted.items()) if times}
    verdict.figures["seconds in the world"] = round(world.now)
    verdict.figures["seconds here"] = round(time.perf_counter() - started)
    return verdict


@contextmanager
def _in(world: World) -> Iterator[None]:
    """What our code takes from outside is this world's, for as long as the block runs."""

    def call(client: Any, operation: str, params: Any) -> Any:
        return world.cloud.call(client, operation, params)

    with ExitStack() as stack:
        stack.enter_context(patch.object(BaseClient, "_make_api_call", call))
        stack.enter_context(frozen_time(world.clock))
        stack.enter_context(patch("craftkit.ids.uuid7", world.new_uuid))
        stack.enter_context(patch("craftkit.observability.single_metric", _no_metric))
        stack.enter_context(patch("time.sleep", lambda _seconds: None))
        stack.enter_context(patch.object(typesetting, "warm", lambda: None))
        level = logger.log_level
        stack.callback(logger.setLevel, level)
        logger.setLevel("CRITICAL")
        forget()
        stack.callback(forget)
        stack.enter_context(variables(world.cloud.environment()))
        yield


def _requeue(world: World) -> None:
    """The two schedules; one that fails or is killed comes again in a minute."""
    for folder in ("requeue_stale_renders", "requeue_stale_deliveries"):
        try:
            world.invoke(folder, event(folder), "other_killed")
        except (Exception, KilledError):
            world.faults.counted["schedules that failed"] += 1
    world.wake_streams()


def _is_at_rest(world: World) -> bool:
    if world.now < max(ARRIVALS_SECONDS, OUTAGE[1]) + 3600 or not world.is_quiet:
        return False
    tables = world.cloud.tables.tables
    waiting = (("RendersTable", UNFINISHED), ("DeliveriesTable", WAITING))
    return not any(field in item for name, field in waiting for item in tables[name].items.values())


@contextmanager
def _no_metric(*_: Any, **__: Any) -> Iterator[Any]:
    class Metric:
        def add_dimension(self, **_: str) -> None:
            """Nobody looks at it."""

    yield Metric()
