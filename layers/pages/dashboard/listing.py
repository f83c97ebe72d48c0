"""The lists of the dashboard: search, dates, paging in both directions, totals, CSV.

A page of a list subclasses `ListSearch` for its filters, and answers with `show`. Its template
extends `list.html`. docs/decisions/dashboard-lists.md
"""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, StringConstraints

from craftkit.clock import to_rfc3339
from craftkit.slices import READ_LIMIT, Place, Slice
from dashboard.request_context import RequestContext
from dashboard.view import count
from dashboard.web import Response

PAGE_LIMIT = 25
_LIVE_ROWS, _LIVE_PARTITIONS = 200, 10
"""A page that read more is not kept current, because each look would read it again."""

_BYTE_ORDER_MARK = "\ufeff"
"""Tells spreadsheet programs that the file is UTF-8."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]


def _start_of(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _is_time(text: str) -> str:
    try:
        _start_of(text) if text else None
    except ValueError as error:
        raise ValueError("Enter a date such as 2026-03-14.") from error
    return text


Day = Annotated[Text, AfterValidator(_is_time)]
"""A day such as `2026-03-14`, or a time of a day such as `2026-03-14T11:00`; both in UTC."""


class ListSearch(BaseModel):
    """The query string of a list. `after` and `before` are the ids at which its page ends."""

    q: Text = ""
    since: Day = ""
    until: Day = ""
    after: Text | None = None
    before: Text | None = None
    part: Literal["csv", "total"] | None = None

    def place(self) -> Place:
        """What part of the list is wanted. `until` is its last day, or a time that it ends at."""
        until = _start_of(self.until) if self.until else None
        if until and "T" not in self.until:
            until += timedelta(days=1)
        since = _start_of(self.since) if self.since else None
        return Place(self.after, self.before, since, until)

    @property
    def chosen(self) -> dict[str, str]:
        """The filters that are set, for addresses."""
        values = self.model_dump(exclude={"after", "before", "part"}, exclude_none=True)
        return {name: value for name, value in values.items() if value}


@dataclass(frozen=True)
class Listing[Row]:
    """A list of one page.

    Args:
        path: below the project.
        name: one row, such as `render`.
        names: several rows.
        columns: the columns of the CSV file, and how a row's value is found.
        searched: what the search field finds, for the person.
        state: what changes while a row is shown.
    """

    path: str
    name: str
    names: str
    columns: Mapping[str, Callable[[Row], Any]]
    searched: str
    state: Callable[[Row], object]
    id_of: Callable[[Row], str] = lambda row: str(row.id)  # type: ignore[attr-defined]


Read = Callable[[Place, int], Slice[Any]]
"""Reads a slice of at most so many rows."""


def show[Row](
    context: RequestContext,
    template: str,
    listing: Listing[Row],
    search: ListSearch,
    read: Callable[[Place, int], Slice[Row]],
    further: Callable[[Sequence[Row]], dict[str, Any]] = lambda _rows: {},
) -> Response:
    """The page of a list, its rows alone for the script that keeps them current, its total, or its
    CSV file.

    Args:
        further: the template's further values for the rows of the page.
    """
    place = search.place()
    if search.part == "csv":
        return _csv(listing, read(Place(since=place.since, until=place.until), READ_LIMIT))
    if search.part == "total":
        found = read(Place(since=place.since, until=place.until), READ_LIMIT)
        return context.fragment("list_total.html", text=total_of(listing, found))
    found = read(place, PAGE_LIMIT)
    respond = context.fragment if context.request.is_fragment else context.page
    return respond(
        template,
        listing=listing,
        search=search,
        found=found,
        base_layout="list_part.html" if context.request.is_fragment else "layout.html",
        here=context.url(listing.path),
        is_live=_is_cheap(found) and not (place.after or place.before),
        total=total_of(listing, found) if _is_whole(place, found) else None,
        read_limit=READ_LIMIT,
        **further(found.rows),
    )


def total_of(listing: Listing[Any], found: Slice[Any]) -> str:
    """How many rows match, and among how many that were read."""
    number = len(found.rows)
    words = f"{count(number)} {listing.name if number == 1 else listing.names}"
    return f"{words} among the newest {count(found.read)}" if found.older else words


def _is_cheap(found: Slice[Any]) -> bool:
    return found.read <= _LIVE_ROWS and found.partitions <= _LIVE_PARTITIONS


def _is_whole(place: Place, found: Slice[Any]) -> bool:
    return not (place.after or place.before or found.older)


def _csv(listing: Listing[Any], found: Slice[Any]) -> Response:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(listing.columns)
    for row in found.rows:
        writer.writerow(_cell(value(row)) for value in listing.columns.values())
    return Response(
        200,
        (_BYTE_ORDER_MARK + text.getvalue()).encode(),
        "text/csv; charset=utf-8",
        {"Content-Disposition": f'attachment; filename="{listing.names.replace(" ", "-")}.csv"'},
    )


def _cell(value: Any) -> str:
    """A value as text. A spreadsheet program must not read it as a formula."""
    if isinstance(value, int | float):
        return str(value)
    text = _text_of(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _text_of(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return to_rfc3339(value)
    if isinstance(value, tuple | list | frozenset):
        return " ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{name}:{each}" for name, each in value.items())
    return str(value)
