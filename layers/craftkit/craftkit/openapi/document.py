"""From the table of routes to an OpenAPI 3.1 document."""

import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from craftkit import errors
from craftkit.errors import CraftkitError
from craftkit.ids import UUID_PATTERN
from craftkit.openapi.route import Kind, Route
from craftkit.openapi.routes import ROUTES

VERSION = "1"
_SCHEMAS = "#/components/schemas/"

Json = dict[str, Any]
References = dict[tuple[Any, JsonSchemaMode], Json]

# What the gateway itself may say before any function runs, by status; see template.yaml.
_GATEWAY = {403: ["permission_denied"], 429: ["rate_limited"], 504: ["timeout"]}

_ERROR: Json = {
    "type": "object",
    "description": "Every refusal. `code` is stable; `message` is for people.",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "requestId"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "requestId": {"type": "string"},
                "issues": {
                    "type": "object",
                    "description": "Where an input was judged; keyed by dotted path.",
                    "required": ["formErrors", "fieldErrors"],
                    "properties": {
                        "formErrors": {"type": "array", "items": {"type": "string"}},
                        "fieldErrors": {
                            "type": "object",
                            "additionalProperties": {"type": "array", "items": {"type": "string"}},
                        },
                    },
                },
            },
        }
    },
}

_PATH_PARAMETERS: dict[str, Json] = {
    "id": {"type": "string", "pattern": UUID_PATTERN, "description": "A UUIDv7."},
    "slug": {"type": "string", "description": "The template's slug."},
    "name": {"type": "string", "description": "The catalog's name."},
    "token": {"type": "string", "description": "The hook's token: a secret."},
}


def describe(url: str) -> Json:
    """The whole document.

    Args:
        url: where the stage is reached, without a trailing slash.
    """
    schemas, reference = _schemas()
    paths: Json = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, reference)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Craftkit",
            "version": VERSION,
            "summary": "A template and JSON in, a PDF out.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": url}],
        "security": [{"apiKey": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "apiKey": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A project API key: `Authorization: Bearer ck_live_…`.",
                }
            },
            "schemas": {**schemas, "Error": _ERROR},
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


def _operation(route: Route, reference: References) -> Json:
    operation: Json = {
        "operationId": route.function,
        "summary": route.summary,
        "tags": [route.tag],
    }
    if route.description:
        operation["description"] = route.description
    if parameters := [*_parameters(route)]:
        operation["parameters"] = parameters
    if route.body:
        schema = reference[route.body, "validation"]
        operation["requestBody"] = {"required": True, "content": _json(schema)}
    if route.scope:
        operation["x-scope"] = route.scope
    else:
        operation["security"] = []
    operation["responses"] = {
        **{str(status): _answer(status, kind, reference) for status, kind in route.answers.items()},
        **{str(status): _refusal(codes) for status, codes in refusals(route).items()},
    }
    return operation


def _parameters(route: Route) -> Iterator[Json]:
    for name in re.findall(r"{(\w+)}", route.path):
        schema = dict(_PATH_PARAMETERS.get(name, {"type": "string"}))
        parameter: Json = {"name": name, "in": "path", "required": True}
        if description := schema.pop("description", None):
            parameter["description"] = description
        yield parameter | {"schema": schema}
    for name, description in route.headers.items():
        schema = {"type": "string", "maxLength": 200}
        yield {"name": name, "in": "header", "description": description, "schema": schema}
    if route.query:
        # A model of a query is flat: each of its fields is a parameter of its own.
        own = route.query.model_json_schema(by_alias=True)
        for name, schema in own["properties"].items():
            shown = {key: value for key, value in schema.items() if key != "title"}
            yield {
                "name": name,
                "in": "query",
                "required": name in own.get("required", []),
                "schema": _without_null(shown),
            }


def _without_null(schema: Json) -> Json:
    """A parameter that may be left out is optional; no caller can send a null in a query."""
    options = [option for option in schema.get("anyOf", []) if option != {"type": "null"}]
    if len(options) != 1:
        return schema
    (only,) = options
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
    return {**rest, **only}


def _answer(status: int, kind: Kind | None, reference: References) -> Json:
    answer: Json = {
        "description": "See `Location`." if status == 302 else "Done.",
        "headers": {"x-request-id": {"schema": {"type": "string"}}},
    }
    if status == 302:
        answer["headers"]["Location"] = {"schema": {"type": "string", "format": "uri"}}
    if kind:
        answer["content"] = _json(reference[kind, "serialization"])
    elif status == 200:
        answer["content"] = _json({"type": "object"})
    return answer


def _refusal(codes: list[str]) -> Json:
    narrowed = {"properties": {"error": {"properties": {"code": {"enum": codes}}}}}
    return {
        "description": " · ".join(f"`{code}`" for code in codes),
        "content": _json({"allOf": [{"$ref": f"{_SCHEMAS}Error"}, narrowed]}),
    }


def _json(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}


def _schemas() -> tuple[Json, References]:
    """The models' schemas by name, and where each one is referred to."""
    wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {}
    for route in ROUTES:
        if route.body:
            wanted[route.body, "validation"] = None
        for kind in route.answers.values():
            if kind:
                wanted[kind, "serialization"] = None
    references, definitions = models_json_schema(
        list(wanted), by_alias=True, ref_template=_SCHEMAS + "{model}"
    )
    return definitions["$defs"], dict(references)
