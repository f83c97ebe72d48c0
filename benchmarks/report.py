"""docs/performance.md and its plot, written from the results."""

from html import escape
from typing import Any

from deployment.workspace import ROOT

PAGE = ROOT / "docs" / "performance.md"
PLOT = ROOT / "docs" / "performance.svg"

_ROW, _LEFT, _WIDTH = 34, 250, 420
_INK, _MET, _MISSED, _LIMIT = "#1f2937", "#0f766e", "#b91c1c", "#94a3b8"

Json = dict[str, Any]


def write(measured: Json) -> None:
    """Write both files from `latest.json`."""
    machine = measured["machine"]
    rows = "\n".join(_table_row(result) for result in measured["results"])
    PLOT.write_text(plot(measured["results"]), encoding="utf-8")
    PAGE.write_text(
        f"""# Performance

`make bench` measures this in one run, each number and its baseline in
alternation; the values are medians. Commit `{measured["commit"]}`, {measured["measuredAt"]}, on
{machine["processor"]}, {machine["cores"]} cores, {machine["memoryGiB"]} GiB, Python \
{machine["python"]}.

| what | value | baseline | ratio | target | |
| --- | ---: | ---: | ---: | --- | --- |
{rows}

![Each ratio and value as a share of its target](performance.svg)
""",
        encoding="utf-8",
    )


def _table_row(result: Json) -> str:
    baseline = result.get("baseline")
    compared = f"{baseline['name']}: {baseline['value']:,.2f} {result['unit']}" if baseline else ""
    ratio = f"{result['ratio']:.2f}" if "ratio" in result else ""
    verdict = {True: "met", False: "**missed**"}.get(result.get("met"), "")  # type: ignore[arg-type]
    value = f"{result['value']:,.2f} {result['unit']}"
    target = result.get("target", "")
    return f"| `{result['name']}` | {value} | {compared} | {ratio} | {target} | {verdict} |"


def plot(results: list[Json]) -> str:
    """A plot of each result as a share of its target, with a line at the target."""
    shown = [(result, share_of(result)) for result in results if "target" in result]
    widest = max([1.25, *(share for _, share in shown)])
    scale = _WIDTH / widest
    bars = "".join(
        f'<text x="{_LEFT - 10}" y="{top + 21}" text-anchor="end">{escape(result["name"])}</text>'
        f'<rect x="{_LEFT}" y="{top + 8}" width="{max(share * scale, 1):.1f}" height="18" rx="3" '
        f'fill="{_MET if result["met"] else _MISSED}"/>'
        f'<text x="{_LEFT + share * scale + 8:.1f}" y="{top + 21}">{share:.0%}</text>'
        for top, (result, share) in ((index * _ROW + 24, each) for index, each in enumerate(shown))
    )
    height, limit = len(shown) * _ROW + 40, _LEFT + scale
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 70} {height}" '
        f'font-family="system-ui, sans-serif" font-size="13" fill="{_INK}" role="img">'
        f"<title>Each result as a share of its target</title>"
        f'<rect width="100%" height="100%" fill="#fff"/>{bars}'
        f'<path d="M{limit:.1f} 18V{height - 12}" stroke="{_LIMIT}" stroke-dasharray="4 3"/>'
        f'<text x="{limit:.1f}" y="13" text-anchor="middle" fill="{_LIMIT}">target</text></svg>\n'
    )


def share_of(result: Json) -> float:
    """The result relative to the target: 1 is the target, and less is better."""
    subject, comparison, limit = result["target"].split()
    measured, wanted = float(result[subject]), float(limit)
    if comparison == "<=":
        return measured / wanted if wanted else float(measured > 0) + 1
    return wanted / measured if measured else 2.0
