"""One chaos run: a simulation, its workload, and the report."""

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
from tests.chaos.batches import InlineExecutor
from tests.chaos.faults import FaultRates, Faults, KilledError
from tests.chaos.invariants import Report, check_invariants
from tests.chaos.simulation import Simulation
from tests.chaos.workload import ARRIVALS_SECONDS, OUTAGE, Workload

LIMIT_SECONDS = 6 * 86_400.0


def run(seed: int, renders: int, rates: FaultRates | None = None, *, batches: int = 0) -> Report:
    """Run this many renders, and batches of 500 documents, with injected faults until all work is
    done, and check the invariants.

    The same seed gives the same run. Time is simulated, so six days take as long as their work.
    """
    started = time.perf_counter()
    faults = Faults(seed, rates or FaultRates())
    random.seed(seed)  # the jitter of retries uses this generator
    simulation = Simulation(template(), faults)
    with _in(simulation):
        workload = Workload(simulation, renders, batches)
        worker = simulation.cloud.module("render_document")
        with (
            patch.object(worker, "typeset", workload.typeset),
            patch("typesetting.chunks.ThreadPoolExecutor", InlineExecutor),
            patch("craftkit.network.fetch", workload.receive),
        ):
            faults.are_on = True
            simulation.every(60, lambda: _requeue(simulation))
            simulation.run(lambda: _is_at_rest(simulation), LIMIT_SECONDS)
            faults.are_on = False
        report = check_invariants(simulation, workload)
    report.figures |= {name: times for name, times in sorted(faults.counted.items()) if times}
    report.figures["simulated seconds"] = round(simulation.now)
    report.figures["real seconds"] = round(time.perf_counter() - started)
    return report


@contextmanager
def _in(simulation: Simulation) -> Iterator[None]:
    """Replace AWS, time, ids, metrics and sleep with the simulation's."""

    def call(client: Any, operation: str, params: Any) -> Any:
        return simulation.cloud.call(client, operation, params)

    with ExitStack() as stack:
        stack.enter_context(patch.object(BaseClient, "_make_api_call", call))
        stack.enter_context(frozen_time(simulation.clock))
        stack.enter_context(patch("craftkit.ids.uuid7", simulation.new_uuid))
        stack.enter_context(patch("craftkit.observability.single_metric", _no_metric))
        stack.enter_context(patch("time.sleep", lambda _seconds: None))
        stack.enter_context(patch.object(typesetting, "warm", lambda: None))
        level = logger.log_level
        stack.callback(logger.setLevel, level)
        logger.setLevel("CRITICAL")
        forget()
        stack.callback(forget)
        stack.enter_context(variables(simulation.cloud.environment()))
        yield


def _requeue(simulation: Simulation) -> None:
    """Run the scheduled functions. One that fails runs again a minute later."""
    for folder in ("requeue_stale_renders", "requeue_stale_deliveries", "check_batches"):
        try:
            simulation.invoke(folder, event("requeue_stale_renders"), "other_killed")
        except (Exception, KilledError):
            simulation.faults.counted["schedules that failed"] += 1
    simulation.wake_streams()


def _is_at_rest(simulation: Simulation) -> bool:
    if simulation.now < max(ARRIVALS_SECONDS, OUTAGE[1]) + 3600 or not simulation.is_quiet:
        return False
    tables = simulation.cloud.tables.tables
    waiting = (
        ("RendersTable", UNFINISHED),
        ("BatchesTable", UNFINISHED),
        ("DeliveriesTable", WAITING),
    )
    return not any(field in item for name, field in waiting for item in tables[name].items.values())


@contextmanager
def _no_metric(*_: Any, **__: Any) -> Iterator[Any]:
    class Metric:
        def add_dimension(self, **_: str) -> None:
            """Do nothing."""

    yield Metric()
