"""Usage: renders and pages by day, mode, key and template, and their cost at list price."""

from collections import Counter as Tally
from collections.abc import Callable, Iterable
from typing import Literal

from pydantic import BaseModel

from craftkit.keys import service as keys
from craftkit.limits.service import limits_of
from craftkit.usage import prices
from craftkit.usage import service as usage
from craftkit.usage.models import Counter, UsageQuery
from dashboard.charts import last_days
from dashboard.request_context import RequestContext
from dashboard.web import Response

_NAMED = 10


class Range(BaseModel):
    """The number of days that the page shows."""

    days: Literal["7", "30", "90"] = "30"


def show_usage(context: RequestContext) -> Response:
    number = int(context.query(Range).days)
    days = last_days(number)
    query = UsageQuery.model_validate({"from": days[0], "to": days[-1]})
    counters = usage.list_counters(context.project.id, query)
    by_day = {
        mode: _sum((each for each in counters if each.mode == mode), lambda each: each.day)
        for mode in ("live", "test")
    }
    renders = sum(each.renders for each in counters)
    by_key = _sum(counters, lambda each: each.key_id).most_common(_NAMED)
    return context.page(
        "usage/show.html",
        days=[f"{day:%-d %b}" for day in days],
        series={mode: [tally[day] for day in days] for mode, tally in by_day.items()},
        number=number,
        renders=renders,
        live=sum(each.renders for each in counters if each.mode == "live"),
        pages=sum(each.pages for each in counters),
        by_key=by_key,
        by_template=_sum(counters, lambda each: each.template_slug).most_common(_NAMED),
        keys=keys.names_of(context.project.id, [key_id for key_id, _ in by_key]),
        cost=prices.cost_of(renders),
        a_thousand=prices.cost_of(1000),
        prices=prices,
        limits=limits_of("project", context.project.id),
    )


def _sum[Name](counters: Iterable[Counter], name: Callable[[Counter], Name]) -> Tally[Name]:
    tally: Tally[Name] = Tally()
    for each in counters:
        tally[name(each)] += each.renders
    return tally
