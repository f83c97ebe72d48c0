"""From the table of routes to an OpenAPI 3.1 document."""

import re
from collections.abc import Iterator
from typing import Any

from pydantic.json_schema import JsonSchemaMode

from craftkit import errors
from craftkit.errors import CraftkitError
from craftkit.http import IDEMPOTENCY_KEY_LIMIT
from craftkit.ids import UUID_PATTERN
from craftkit.openapi import examples
from craftkit.openapi.route import Kind, Route
from craftkit.openapi.routes import ROUTES, TAGS
from craftkit.openapi.schemas import PREFIX, References, schemas_of, without_null
from craftkit.openapi.webhooks import event_schemas, webhooks
from craftkit.renders.files import MEDIA_TYPES, ZIP_TYPE

VERSION = "1"

Json = dict[str, Any]

# Errors that the gateway itself sends on any route, by status; see template.yaml.
_GATEWAY = {403: ["permission_denied"], 429: ["rate_limited"], 504: ["timeout"]}
_TIMEOUT_MESSAGE = "The response took longer than 29 seconds; the render may have been created."

_REQUEST_ID = {
    "description": "Names the request; send it when you contact support.",
    "schema": {"type": "string"},
}

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
            "examples": _error_examples(),
        },
    }


def refusals(route: Route) -> dict[int, list[str]]:
    """Every error code that the route can answer, by status: its own, and those of its shape."""
    kinds: list[type[CraftkitError]] = [*route.errors, CraftkitError]
    if route.scope:
        kinds += [
            errors.MissingAuthorizationError,
            errors.InvalidCredentialsError,
            errors.InsufficientScopeError,
            errors.NetworkNotAllowedError,
        ]
    if route.needs_key:
        kinds += [
            errors.MissingAuthorizationError,
            errors.InvalidCredentialsError,
            errors.NetworkNotAllowedError,
        ]
    if route.body:
        kinds += [
            errors.InvalidJsonError,
            errors.InvalidRequestError,
            errors.PayloadTooLargeError,
            errors.UnsupportedMediaTypeError,
        ]
    if route.query:
        kinds.append(errors.InvalidRequestError)
    found: dict[int, list[str]] = {status: list(codes) for status, codes in _GATEWAY.items()}
    for kind in kinds:
        codes = found.setdefault(kind.status, [])
        if kind.code not in codes:
            codes.append(kind.code)
    return {status: sorted(found[status]) for status in sorted(found)}


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
        content = _json(reference[route.body, "validation"], examples.REQUESTS[route.function])
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
            str(status): _oauth_refusal(route, status) or _refusal(codes)
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
        "headers": {"x-request-id": _REQUEST_ID},
    }
    if status in (302, 303):
        answer["headers"]["Location"] = {
            "description": "The document's signed address.",
            "schema": {"type": "string", "format": "uri"},
        }
    if kind:
        example = examples.RESPONSES[route.function, status]
        answer["content"] = _json(reference[kind, "serialization"], example)
    elif status == 200 and route.media_type:
        answer["content"] = {
            route.media_type: {"schema": {"type": "string"}, "example": examples.INVOICE_XML}
        }
    elif status == 200 and not route.documents:
        answer["content"] = _json({"type": "object"}, {"openapi": "3.1.0"})
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


def _refusal(codes: list[str]) -> Json:
    return {
        "description": " · ".join(f"`{code}`" for code in codes),
        "headers": {"x-request-id": _REQUEST_ID},
        "content": {
            "application/json": {
                "schema": {"$ref": f"{PREFIX}Error"},
                "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in codes},
            }
        },
    }


def _oauth_refusal(route: Route, status: int) -> Json | None:
    """OAuth's error of a token endpoint (RFC 6749, section 5.2); None for any other refusal."""
    found = [error for error in route.errors if route.form and error.status == status]
    if not found:
        return None
    codes = sorted(error.code for error in found)
    example = {"error": found[0].code, "error_description": found[0].message}
    schema = {
        "type": "object",
        "required": ["error", "error_description"],
        "properties": {
            "error": {"type": "string", "enum": codes},
            "error_description": {"type": "string"},
        },
    }
    return {
        "description": " · ".join(f"`{code}`" for code in codes),
        "headers": {"x-request-id": _REQUEST_ID},
        "content": _json(schema, example),
    }


def _error_examples() -> Json:
    """One envelope for each code that a route can answer."""
    used = {
        code
        for route in ROUTES
        for status, codes in refusals(route).items()
        if _oauth_refusal(route, status) is None
        for code in codes
    }
    messages = {error.code: error.message for error in errors.every_error()}
    messages["timeout"] = _TIMEOUT_MESSAGE
    return {code: {"value": _envelope(code, messages[code])} for code in sorted(used)}


def _envelope(code: str, message: str) -> Json:
    error: Json = {"code": code, "message": message}
    if code == "invalid_input_data":
        fields = {"items.3.qty": ["Required"]}
        error["issues"] = {"formErrors": [], "fieldErrors": fields}
    if code == "invalid_request":
        fields = {"options.filenam": ["Unknown field"]}
        error["issues"] = {"formErrors": [], "fieldErrors": fields}
    if code == "idempotency_conflict":
        error["renderId"] = examples.FAILED["id"]
    if code == "render_failed":
        error["render"] = examples.FAILED
    error["docUrl"] = errors.documentation_url(code)
    error["requestId"] = "0f29e713-36f7-4b80-ac91-c78e2219c281"
    return {"error": error}


def _json(schema: Json, example: Any) -> Json:
    return {"application/json": {"schema": schema, "example": example}}
