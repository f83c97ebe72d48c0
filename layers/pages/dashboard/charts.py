"""Charts as SVG without styles and scripts: dashboard.css has the colors."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from markupsafe import Markup, escape

from craftkit.clock import utc_now

# Space above the highest line for its number, and below the chart for the days, in pixels.
_HEAD, _FOOT = 18, 24


def last_days(number: int) -> list[date]:
    """The last days in UTC including today, oldest first."""
    today = utc_now().date()
    return [today - timedelta(days=ago) for ago in reversed(range(number))]


def sparkline(values: Sequence[int], label: str, width: int = 84, height: int = 20) -> Markup:
    """A small bar chart with one bar for each value."""
    highest = max(values, default=0) or 1
    step = width / max(len(values), 1)
    bars = Markup("").join(
        Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="1"/>').format(
            index * step,
            height - (tall := max(value / highest * height, 1.0)),
            step - 2,
            tall,
        )
        for index, value in enumerate(values)
    )
    return Markup(
        '<svg class="sparkline" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" '
        'aria-label="{2}">{3}</svg>'
    ).format(width, height, label, bars)


def bars(
    days: Sequence[str],
    series: Mapping[str, Sequence[int]],
    label: str,
    width: int = 1000,
    height: int = 200,
) -> Markup:
    """A stacked column chart with one column for each day. Each part has a tooltip."""
    totals = [sum(values) for values in zip(*series.values(), strict=True)] or [0]
    highest = _round_up(max(totals))
    step, chart = width / max(len(days), 1), height - _FOOT
    shapes: list[Markup] = []
    for line in (0.5, 1.0):
        y = chart - line * (chart - _HEAD)
        shapes.append(
            Markup('<line class="grid" x1="0" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(
                width, y, y
            )
            + Markup('<text class="axis" x="0" y="{:.1f}">{}</text>').format(
                y - 4, round(highest * line)
            )
        )
    for index, day in enumerate(days):
        floor = float(chart)
        for number, (name, values) in enumerate(series.items()):
            tall = values[index] / highest * (chart - _HEAD)
            floor -= tall
            if tall:
                shapes.append(
                    Markup(
                        '<rect class="series-{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" '
                        'height="{:.1f}"><title>{}: {} {}</title></rect>'
                    ).format(
                        number, index * step + 1, floor, max(step - 2, 1), tall, day,
                        values[index], name,
                    )
                )  # fmt: skip
    for index in {0, len(days) // 2, len(days) - 1} if days else ():
        anchor = "start" if index == 0 else "end" if index == len(days) - 1 else "middle"
        shapes.append(
            Markup('<text class="axis" x="{:.1f}" y="{}" text-anchor="{}">{}</text>').format(
                index * step + (step if anchor == "end" else 0), height - 6, anchor, days[index]
            )
        )
    return Markup(
        '<svg class="bars" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    ).format(width, height, escape(label), Markup("").join(shapes))


def _round_up(number: int) -> int:
    """The next of 2, 4, 10, 20, 40, 100 …: even, so that the middle line has a whole number."""
    power = 1
    while True:
        for step in (2, 4, 10):
            if number <= step * power:
                return step * power
        power *= 10
