"""The events of `events/`, one for each function; `sam local invoke -e` takes the same."""

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
    """`events/<name>.json`, afresh, with what the test is about changed.

    Args:
        body: sent as JSON, or as it is when it is text.
        headers: added to the event's own; None as a value takes one away, in any case.
        path: path parameters, added.
        query: query parameters, in place of the event's own.
        principal: the key that the authorizer vouched for.
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
