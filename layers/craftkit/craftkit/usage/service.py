"""Counts renders, and reads the counters."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from itertools import batched, groupby

from craftkit.auth.principal import Mode
from craftkit.clock import utc_now
from craftkit.dynamodb import ConditionFailedError
from craftkit.errors import InvalidRequestError, Issues
from craftkit.usage import repository
from craftkit.usage.models import DAYS_LIMIT, Counter, Metered, UsageQuery, UsageRow, UsageView

DAYS_SHOWN = 30

RENDERS_AT_ONCE = 25
"""Renders of one counter that are counted in one transaction."""


def count_renders(renders: Sequence[Metered]) -> int:
    """Count renders of one counter, each once. Returns how many were not counted before."""
    new = list({each.render_id: each for each in renders}.values())
    counted = 0
    for part in batched(new, RENDERS_AT_ONCE, strict=False):
        counted += _count(list(part))
    return counted


def _count(renders: list[Metered]) -> int:
    parts = repository.parts_of(renders)
    while parts:
        try:
            repository.add(parts, now=utc_now())
        except ConditionFailedError as error:
            if not any(error.items):
                raise  # no list of counted renders caused it, so another try would fail too
            for part, item in zip(parts, error.items, strict=False):
                part.see(item)
            parts = [part for part in parts if part.renders]
        else:
            return sum(len(part.renders) for part in parts)
    return 0


def get_usage(
    project_id: str,
    query: UsageQuery,
    *,
    mode: Mode | None = None,
    templates: Collection[str] = (),
) -> UsageView:
    """A project's counters by day, mode and key.

    Args:
        mode: count only renders of this mode; None counts both.
        templates: count only renders of these templates, by slug; empty counts all.

    Raises:
        InvalidRequestError: the range ends before it begins, or is longer than a year.
    """
    first, last = _range(query)
    counters = [
        counter
        for counter in repository.between(project_id, first, last)
        if mode in (None, counter.mode) and (not templates or counter.template_slug in templates)
    ]
    rows = [_row(list(alike)) for _, alike in groupby(counters, key=_group)]
    return UsageView(from_=first, to=last, usage=rows)


def list_counters(project_id: str, query: UsageQuery) -> list[Counter]:
    """The counters by template too, for charts. Raises as `get_usage`."""
    return repository.between(project_id, *_range(query))


def _range(query: UsageQuery) -> tuple[date, date]:
    today = utc_now().date()
    last = query.to or max(today, query.from_ or today)
    first = query.from_ or last - timedelta(days=DAYS_SHOWN - 1)
    if last < first:
        message = "`to` is before `from`. Send a later `to` or an earlier `from`."
        raise InvalidRequestError(message, issues=Issues(field_errors={"to": [message]}))
    days = (last - first).days + 1
    if days > DAYS_LIMIT:
        until = "" if query.to else f", from {first} until today"
        message = f"The range is {days} days long{until}; the maximum is {DAYS_LIMIT}."
        named = "to" if query.to and not query.from_ else "from"
        raise InvalidRequestError(message, issues=Issues(field_errors={named: [message]}))
    return first, last


def _group(counter: Counter) -> tuple[str, str, str]:
    return f"{counter.day}", counter.mode, counter.key_id


def _row(alike: list[Counter]) -> UsageRow:
    first = alike[0]
    return UsageRow(
        day=first.day,
        mode=first.mode,
        key_id=first.key_id,
        renders=sum(each.renders for each in alike),
        pages=sum(each.pages for each in alike),
    )
