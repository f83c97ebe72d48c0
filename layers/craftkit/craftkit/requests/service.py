"""The use cases of the request log."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from craftkit import cursors
from craftkit.auth.principal import Principal
from craftkit.requests import repository
from craftkit.requests.fixes import fix_of
from craftkit.requests.models import LoggedRequest, RequestList, RequestPage, RequestView
from craftkit.requests.repository import Filters


def list_requests(principal: Principal, query: RequestList) -> RequestPage:
    """A page of the requests that were made with this key, newest first."""
    return _page([principal.log_id], query, key_id=principal.key_id)


def list_project_requests(
    log_ids: Sequence[str], query: RequestList, *, key_id: str | None = None
) -> RequestPage:
    """A page of the requests of several keys, newest first.

    Args:
        log_ids: ids of keys and of trust rules.
        key_id: of one token, where only its requests are wanted.
    """
    return _page(log_ids, query, key_id=key_id)


def count_refused(log_id: str, *, since: datetime, until: datetime) -> int:
    """Requests of a key that were refused with 401 or 403 from one time until before another."""
    return repository.count_refused(log_id, since=since, until=until)


def copy_refused(row: Mapping[str, Any]) -> None:
    """Log a request that the authorizer refused. A row that is copied twice is one row."""
    repository.put(dict(row))


def view_of(request: LoggedRequest) -> RequestView:
    fields = request.model_dump(exclude={"reason"})
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
