"""What must hold when everything has come to rest."""

from collections import Counter
from dataclasses import dataclass, field

from craftkit.renders import repository
from craftkit.renders.changes import ended
from craftkit.renders.models import Render
from craftkit.streams import Change, each_change
from craftkit.webhooks.render_events import event_of
from tests.chaos.story import Story
from tests.chaos.world import World


@dataclass
class Verdict:
    """Figures, and every promise that was broken."""

    figures: dict[str, int]
    broken: list[str] = field(default_factory=list)


def judge(world: World, story: Story) -> Verdict:
    """Compare what is kept, counted and received with what the renders' own stream says."""
    rows = renders_of(world)
    ends = ends_of(world)
    verdict = Verdict(
        {
            "renders accepted": len(story.accepted),
            "renders kept": len(rows),
            **{f"renders {status}": n for status, n in Counter(r.status for r in rows).items()},
            "ends": len(ends),
            "events received at an endpoint": sum(map(len, story.arrived.values())),
        }
    )
    kept = {render.id for render in rows}
    _check(verdict, "accepted and not kept", story.accepted - kept)
    _check(verdict, "never ended", {render.id for render in rows if not render.is_finished})
    twice = Counter(end.id for end in ends if end.status == "succeeded")
    _check(verdict, "succeeded twice", {id_ for id_, times in twice.items() if times > 1})
    for url, missing in _missing(story, ends).items():
        _check(verdict, f"not told to {url}", missing)
    _check_usage(verdict, world, rows)
    return verdict


def renders_of(world: World) -> list[Render]:
    items = world.cloud.tables.tables["RendersTable"].items.values()
    return [repository.render_of(item) for item in items if "status" in item]


def ends_of(world: World) -> list[Render]:
    """Every end that a render came to, in the table's own words."""
    ends: list[Render] = []

    def note(change: Change) -> None:
        if end := ended(change):
            ends.append(end)

    answer = each_change({"Records": world.cloud.tables.tables["RendersTable"].records}, note)
    assert answer == {"batchItemFailures": []}
    return ends


def _missing(story: Story, ends: list[Render]) -> dict[str, set[str]]:
    missing: dict[str, set[str]] = {}
    for end in ends:
        event = event_of(end)
        for url in story.endpoints[end.project_id]:
            if (event.id, event.type) not in story.arrived[url]:
                missing.setdefault(url, set()).add(f"{end.id} {end.status}")
    return missing


def _check_usage(verdict: Verdict, world: World, rows: list[Render]) -> None:
    wanted = Counter(
        (render.project_id, f"{(render.completed_at or render.created_at).date()}", render.key_id)
        for render in rows
        if render.status == "succeeded" and render.mode == "live"
    )
    counted: Counter[tuple[str, str, str]] = Counter()
    for item in world.cloud.tables.tables["UsageTable"].items.values():
        day, _, rest = str(item["day_mode_key"]).partition("#")
        mode, _, key = rest.partition("#")
        if mode == "live":
            counted[str(item["project_id"]), day, key.partition("#")[0]] += int(item["renders"])
    verdict.figures["live renders succeeded"] = wanted.total()
    verdict.figures["live renders counted"] = counted.total()
    _check(
        verdict,
        "counted wrongly",
        {str(key) for key in wanted | counted if wanted[key] != counted[key]},
    )


def _check(verdict: Verdict, what: str, wrong: set[str]) -> None:
    if wrong:
        verdict.broken.append(f"{len(wrong)} {what}, such as {min(wrong)}")
