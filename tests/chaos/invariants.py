"""The invariants that must hold when all work of a run is done."""

from collections import Counter
from dataclasses import dataclass, field

from craftkit.renders import repository
from craftkit.renders.changes import ended
from craftkit.renders.models import Render
from craftkit.streams import Change, each_change
from craftkit.webhooks.render_events import event_of
from tests.chaos.batches import chunks_of, missing_events, wrong_batches
from tests.chaos.simulation import Simulation
from tests.chaos.workload import Workload


@dataclass
class Report:
    """Figures of the run, and the violated invariants."""

    figures: dict[str, int]
    violations: list[str] = field(default_factory=list)


def check_invariants(simulation: Simulation, workload: Workload) -> Report:
    """Compare stored renders, usage and received webhooks with the stream of the renders table."""
    rows = renders_of(simulation)
    ends = ends_of(simulation)
    report = Report(
        {
            "renders accepted": len(workload.accepted),
            "renders stored": len(rows),
            **{f"renders {status}": n for status, n in Counter(r.status for r in rows).items()},
            "ends": len(ends),
            "events received at an endpoint": sum(map(len, workload.received_events.values())),
        }
    )
    stored = {render.id for render in rows}
    _check(report, "accepted but not stored", workload.accepted - stored)
    _check(report, "not finished", {render.id for render in rows if not render.is_finished})
    twice = Counter(end.id for end in ends if end.status == "succeeded")
    _check(report, "succeeded twice", {id_ for id_, times in twice.items() if times > 1})
    for url, missing in _missing(workload, ends).items():
        _check(report, f"not delivered to {url}", missing)
    _check(report, "wrong batches", wrong_batches(simulation, workload.batches))
    missing = missing_events(simulation, workload.received_everywhere)
    _check(report, "batches whose event was not delivered", missing)
    report.figures["batches accepted"] = len(workload.batches.accepted)
    _check_usage(report, simulation, rows)
    return report


def renders_of(simulation: Simulation) -> list[Render]:
    items = simulation.cloud.tables.tables["RendersTable"].items.values()
    return [repository.render_of(item) for item in items if "status" in item]


def ends_of(simulation: Simulation) -> list[Render]:
    """Every change of a render to a final status, from the table's stream records."""
    ends: list[Render] = []

    def note(change: Change) -> None:
        if end := ended(change):
            ends.append(end)

    answer = each_change({"Records": simulation.cloud.tables.tables["RendersTable"].records}, note)
    assert answer == {"batchItemFailures": []}
    return ends


def _missing(workload: Workload, ends: list[Render]) -> dict[str, set[str]]:
    missing: dict[str, set[str]] = {}
    for end in ends:
        event = event_of(end)
        for url in workload.endpoints[end.project_id]:
            if (event.id, event.type) not in workload.received_events[url]:
                missing.setdefault(url, set()).add(f"{end.id} {end.status}")
    return missing


def _check_usage(report: Report, simulation: Simulation, rows: list[Render]) -> None:
    wanted = Counter(
        (render.project_id, f"{(render.completed_at or render.created_at).date()}", render.key_id)
        for render in rows
        if render.status == "succeeded" and render.mode == "live"
    )
    for chunk in chunks_of(simulation):
        if chunk.mode == "live" and chunk.succeeded:
            day = f"{(chunk.ended_at or chunk.queued_at).date()}"
            wanted[chunk.project_id, day, chunk.key_id] += chunk.succeeded
    counted: Counter[tuple[str, str, str]] = Counter()
    for item in simulation.cloud.tables.tables["UsageTable"].items.values():
        day, _, rest = str(item["day_mode_key"]).partition("#")
        mode, _, key = rest.partition("#")
        if mode == "live":
            counted[str(item["project_id"]), day, key.partition("#")[0]] += int(item["renders"])
    report.figures["live renders succeeded"] = wanted.total()
    report.figures["live renders counted"] = counted.total()
    _check(
        report,
        "wrong usage counters",
        {str(key) for key in wanted | counted if wanted[key] != counted[key]},
    )


def _check(report: Report, what: str, wrong: set[str]) -> None:
    if wrong:
        report.violations.append(f"{len(wrong)} {what}, such as {min(wrong)}")
