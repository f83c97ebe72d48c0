"""The use cases of the request log."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from craftkit import cursors
from craftkit.auth.principal import Principal
from craftkit.requests import repository
from craftkit.requests.fixes import fix_of
from craftkit.requests.models import (
    LoggedRequest,
    ProjectRequestView,
    RequestList,
    RequestPage,
    RequestView,
)
from craftkit.requests.repository import Filters, position_of
from craftkit.slices import Place, Slice


def list_requests(principal: Principal, query: RequestList) -> RequestPage:
    """A page of the requests that were made with this key, newest first."""
    return _page([principal.log_id], query, key_id=principal.key_id)


def find_requests(
    log_ids: Sequence[str], filters: Filters, place: Place, *, limit: int
) -> Slice[ProjectRequestView]:
    """A slice of the requests of several keys. Its ids are positions: the time and the request id.

    Args:
        log_ids: ids of keys and of trust rules.
        filters: what the requests must be, except their time.
        place: the part of the list that is wanted.
    """
    filters = replace(filters, since=place.since, until=place.until)
    is_forward = place.before is not None and place.after is None
    rows, onward = repository.page(
        log_ids, filters, limit=limit, before=place.after or place.before, is_forward=is_forward
    )
    found = [ProjectRequestView(**view_of(row).model_dump(), body=row.body) for row in rows]
    back = position_of(found[0]) if found else place.after or place.before
    is_cut, read = onward is not None and len(found) < limit, len(found)
    partitions = len(log_ids)
    if is_forward:
        return Slice(found[::-1], onward, back, read, is_cut, partitions)
    return Slice(found, back if place.after else None, onward, read, is_cut, partitions)


def count_refused(log_id: str, *, since: datetime, until: datetime) -> int:
    """Requests of a key that were refused with 401 or 403 from one time until before another."""
    return repository.count_refused(log_id, since=since, until=until)


def copy_refused(row: Mapping[str, Any]) -> None:
    """Log a request that the authorizer refused. A row that is copied twice is one row."""
    repository.put(dict(row))


def view_of(request: LoggedRequest) -> RequestView:
    fields = request.model_dump(exclude={"reason", "body"})
    return RequestView(**fields, fix=fix_of(request.code, request.reason))


def _page(log_ids: Sequence[str], query: RequestList, *, key_id: str | None) -> RequestPage:
    chosen = query.model_dump(mode="json", exclude={"limit", "cursor"}, exclude_none=True)
    scope = f"requests/{'+'.join(sorted(log_ids))}/{key_id}/{json.dumps(chosen, sort_keys=True)}"
    before = cursors.unseal(query.cursor, scope)["at"] if query.cursor else None
    filters = Filters(
        # A key's partition holds its requests alone; the tokens of a rule share one.
        key_id=None if [key_id] == list(log_ids) else key_id,
        status=query.status,
        route=query.route,
        request_id=query.request_id,
        since=query.from_,
        until=query.to,
    )
    rows, position = repository.page(log_ids, filters, limit=query.limit, before=before)
    return RequestPage(
        requests=[view_of(row) for row in rows],
        next_cursor=cursors.seal({"at": position}, scope) if position else None,
    )
