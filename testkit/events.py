"""Loads the events of `events/`, one for each function, which `sam local invoke -e` uses too."""

import json
from pathlib import Path
from typing import Any

from craftkit.auth.principal import Principal

EVENTS = Path(__file__).resolve().parents[1] / "events"

Json = dict[str, Any]


def event(
    name: str,
    *,
    body: object = None,
    headers: dict[str, str | None] | None = None,
    path: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
    principal: Principal | None = None,
    **changes: Any,
) -> Json:
    """A new copy of `events/<name>.json` with changes.

    Args:
        body: sent as JSON, or unchanged if it is a string.
        headers: added to the event's; a value of None removes a header, case-insensitively.
        path: additional path parameters.
        query: query parameters that replace the event's.
        principal: the key that the authorizer verified.
        changes: further top-level keys of the event.
    """
    loaded: Json = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    if body is not None:
        loaded["body"] = body if isinstance(body, str) else json.dumps(body)
        loaded["isBase64Encoded"] = False
    if headers is not None:
        changed = {header.lower() for header in headers}
        kept = {k: v for k, v in (loaded.get("headers") or {}).items() if k.lower() not in changed}
        loaded["headers"] = kept | {k: v for k, v in headers.items() if v is not None}
        loaded["multiValueHeaders"] = {k: [v] for k, v in loaded["headers"].items()}
    if path is not None:
        loaded["pathParameters"] = (loaded.get("pathParameters") or {}) | path
    if query is not None:
        loaded["queryStringParameters"] = query
        loaded["multiValueQueryStringParameters"] = {k: [v] for k, v in query.items()}
    if principal is not None:
        loaded["requestContext"]["authorizer"] = {
            "principalId": principal.key_id,
            "integrationLatency": 3,
            **principal.as_context(),
        }
    return loaded | changes
