"""The error responses of the OpenAPI document: codes by status, schema, and examples."""

from collections.abc import Iterable
from typing import Any

from craftkit import errors
from craftkit.errors import CraftkitError
from craftkit.openapi import examples
from craftkit.openapi.route import Route
from craftkit.openapi.schemas import PREFIX

Json = dict[str, Any]

# Errors that the gateway itself sends on any route, by status; see template.yaml.
_GATEWAY = {403: ["permission_denied"], 429: ["rate_limited"], 504: ["timeout"]}
_TIMEOUT_MESSAGE = "The response took longer than 29 seconds; the render may have been created."

REQUEST_ID = {
    "description": "Names the request; send it when you contact support.",
    "schema": {"type": "string"},
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


def refusal(codes: list[str]) -> Json:
    return {
        "description": " · ".join(f"`{code}`" for code in codes),
        "headers": {"x-request-id": REQUEST_ID},
        "content": {
            "application/json": {
                "schema": {"$ref": f"{PREFIX}Error"},
                "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in codes},
            }
        },
    }


def oauth_refusal(route: Route, status: int) -> Json | None:
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
        "headers": {"x-request-id": REQUEST_ID},
        "content": as_json_content(schema, example),
    }


def error_examples(routes: Iterable[Route]) -> Json:
    """One envelope for each code that a route can answer."""
    used = {
        code
        for route in routes
        for status, codes in refusals(route).items()
        if oauth_refusal(route, status) is None
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


def as_json_content(schema: Json, example: Any) -> Json:
    return {"application/json": {"schema": schema, "example": example}}
