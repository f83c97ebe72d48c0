"""From the table of routes to an OpenAPI 3.1 document."""

import re
from collections.abc import Iterator
from typing import Any

from pydantic.json_schema import JsonSchemaMode

from craftkit.http import IDEMPOTENCY_KEY_LIMIT
from craftkit.ids import UUID_PATTERN
from craftkit.openapi import examples
from craftkit.openapi.error_responses import (
    REQUEST_ID,
    as_json_content,
    error_examples,
    oauth_refusal,
    refusal,
    refusals,
)
from craftkit.openapi.route import Kind, Route
from craftkit.openapi.routes import ROUTES, TAGS
from craftkit.openapi.schemas import References, schemas_of, without_null
from craftkit.openapi.webhooks import event_schemas, webhooks
from craftkit.renders.files import MEDIA_TYPES, ZIP_TYPE

VERSION = "1"

Json = dict[str, Any]

_PATH_PARAMETERS: dict[str, Json] = {
    "id": {
        "type": "string",
        "format": "uuid",
        "pattern": UUID_PATTERN,
        "description": "The id, a UUIDv7.",
    },
    "slug": {"type": "string", "description": "The template's slug."},
    "name": {"type": "string", "description": "The catalog's name."},
    "token": {"type": "string", "description": "The hook's token: a secret."},
    "number": {"type": "integer", "minimum": 1, "description": "The version's number."},
}
_PATH_EXAMPLES = {
    "id": "019cec2a-7a10-7c44-8f21-1d2e3f405162",
    "slug": "invoice",
    "name": "orders",
    "number": 3,
    "token": "3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
}


def describe(url: str) -> Json:
    """The whole document.

    Args:
        url: where the stage is reached, without a trailing slash.
    """
    wanted: dict[tuple[Kind, JsonSchemaMode], None] = {}
    for route in ROUTES:
        for body in filter(None, (route.body, route.form)):
            wanted[body, "validation"] = None
        for kind in route.answers.values():
            if kind:
                wanted[kind, "serialization"] = None
    schemas, reference = schemas_of(wanted)
    paths: Json = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, reference)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Craftkit",
            "version": VERSION,
            "summary": "A template and JSON in, a PDF out.",
            "description": "Render documents from templates. Send a project API key as "
            "`Authorization: Bearer ck_live_…`; every error has one envelope.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "contact": {"name": "Craftkit", "url": "https://docs.craftkit.dev"},
        },
        "servers": [{"url": url}],
        "tags": [{"name": name, "description": what} for name, what in TAGS.items()],
        "security": [{"apiKey": []}],
        "paths": paths,
        "webhooks": webhooks(),
        "components": {
            "securitySchemes": {
                "apiKey": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A project API key: `Authorization: Bearer ck_live_…`.",
                }
            },
            "schemas": {**schemas, **event_schemas()},
            "examples": error_examples(ROUTES),
        },
    }


def operation_id(route: Route) -> str:
    """The operation's name in camelCase, as generators turn into a method's name."""
    first, *rest = (route.operation or route.function).split("_")
    return first + "".join(word.capitalize() for word in rest)


def _operation(route: Route, reference: References) -> Json:
    operation: Json = {
        "operationId": operation_id(route),
        "summary": route.summary,
        "description": route.description or f"{route.summary}.",
        "tags": [route.tag],
    }
    if parameters := [*_parameters(route)]:
        operation["parameters"] = parameters
    if route.body:
        schema = reference[route.body, "validation"]
        content = as_json_content(schema, examples.REQUESTS[route.function])
        operation["requestBody"] = {"required": True, "content": content}
    if route.file:
        schema = {"type": "string", "format": "binary"}
        operation["requestBody"] = {
            "required": True,
            "description": route.file,
            "content": {
                "application/octet-stream": {"schema": schema, "example": examples.INVOICE_XML}
            },
        }
    if route.form:
        example = examples.REQUESTS[route.function]
        schema = reference[route.form, "validation"]
        content = {"application/x-www-form-urlencoded": {"schema": schema, "example": example}}
        operation["requestBody"] = {"required": True, "content": content}
    if route.scope:
        operation["x-scope"] = route.scope
    elif not route.needs_key:
        operation["security"] = []
    operation["responses"] = {
        **{
            str(status): _answer(route, status, kind, reference)
            for status, kind in route.answers.items()
        },
        **{
            str(status): oauth_refusal(route, status) or refusal(codes)
            for status, codes in refusals(route).items()
        },
    }
    return operation


def _parameters(route: Route) -> Iterator[Json]:
    for name in re.findall(r"{(\w+)}", route.path):
        schema = dict(_PATH_PARAMETERS[name])
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "description": schema.pop("description"),
            "schema": schema,
            "example": _PATH_EXAMPLES[name],
        }
    for name, description in route.headers.items():
        schema = {"type": "string"}
        if limit := _HEADER_LIMITS.get(name):
            schema["maxLength"] = limit
        yield {"name": name, "in": "header", "description": description, "schema": schema}
    if route.query:
        # A model of a query is flat: each of its fields is a parameter of its own.
        own = route.query.model_json_schema(by_alias=True)
        for name, schema in own["properties"].items():
            shown = {key: value for key, value in schema.items() if key != "title"}
            parameter: Json = {
                "name": name,
                "in": "query",
                "required": name in own.get("required", []),
                "schema": without_null(shown),
            }
            if said := shown.get("description") or _QUERY.get(name):
                parameter["description"] = said
                parameter["schema"].pop("description", None)
            yield parameter


_HEADER_LIMITS = {"Idempotency-Key": IDEMPOTENCY_KEY_LIMIT}
"""Headers whose length the API checks; a longer one is refused."""

_QUERY = {
    "limit": "The most entries of a page.",
    "cursor": "`nextCursor` of the page before.",
    "status": "Renders with this status.",
    "templateSlug": "Renders of this template.",
    "keyId": "Renders of this API key.",
    "from": "The first day, UTC.",
    "to": "The last day, UTC.",
    "version": "This version; without it the newest.",
    "compareTo": "Adds what changed since this earlier version.",
}


def _answer(route: Route, status: int, kind: Kind | None, reference: References) -> Json:
    answer: Json = {
        "description": _STATUSES[status],
        "headers": {"x-request-id": REQUEST_ID},
    }
    if status in (302, 303):
        answer["headers"]["Location"] = {
            "description": "The document's signed address.",
            "schema": {"type": "string", "format": "uri"},
        }
    if kind:
        example = examples.RESPONSES[route.function, status]
        answer["content"] = as_json_content(reference[kind, "serialization"], example)
    elif status == 200 and route.media_type:
        answer["content"] = {
            route.media_type: {"schema": {"type": "string"}, "example": examples.INVOICE_XML}
        }
    elif status == 200 and not route.documents:
        answer["content"] = as_json_content({"type": "object"}, {"openapi": "3.1.0"})
    if status == 200 and route.documents:
        # In words and headers alone: generated clients would have a union of JSON and bytes as the
        # type of every response, and openapi-python-client knows no media type of a document.
        answer["headers"] |= _DOCUMENT_HEADERS
        answer["description"] = (
            "The document, where the `Accept` header names its media type: "
            f"{', '.join(f'`{each}`' for each in MEDIA_TYPES.values())}; several pages as images "
            f"are `{ZIP_TYPE}`."
        )
        if kind:
            answer["description"] = f"The finished render as JSON. {answer['description']}"
    return answer


_DOCUMENT_HEADERS: Json = {
    "x-craftkit-render-id": {
        "description": "The render's id, where the body is the document.",
        "schema": {"type": "string", "format": "uuid"},
        "example": _PATH_EXAMPLES["id"],
    },
    "x-craftkit-page-count": {
        "description": "The document's pages, where the body is the document.",
        "schema": {"type": "integer", "minimum": 1},
        "example": 1,
    },
    "content-disposition": {
        "description": "The document's file name, where the body is the document.",
        "schema": {"type": "string"},
        "example": 'inline; filename="invoice-2026-014.pdf"',
    },
}


_STATUSES = {
    200: "Done.",
    201: "Created.",
    202: "Accepted: the render is queued.",
    204: "Done; no body.",
    302: "Go to `Location`.",
    303: "The document is too large for the response. Fetch it from `Location`, with GET.",
}
