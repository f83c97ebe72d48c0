"""The events that are sent to webhook endpoints."""

from typing import Any

from craftkit.openapi import examples
from craftkit.openapi.schemas import PREFIX

Json = dict[str, Any]

_RENDER_EVENTS = {
    "render.succeeded": ("A render succeeded", examples.SUCCEEDED),
    "render.failed": ("A render failed", examples.FAILED),
    "render.cancelled": ("A render was cancelled", examples.CANCELLED),
}
_BATCH_EVENTS = {
    "batch.completed": ("A batch was completed", examples.BATCH_COMPLETED),
    "batch.refused": ("A batch was refused", examples.BATCH_REFUSED),
}
_OTHER_EVENTS = {
    "key.created": "An API key was created",
    "key.revoked": "An API key was revoked",
    "key.expiring": "An API key expires soon",
    "key.exposed": "An API key was found in public",
    "key.anomalous": "An API key was used in an unusual way",
    "limit.warning": "A part of a budget is used",
    "embed.session.created": "An embed session was created",
    "form.submitted": "An embedded form was submitted",
}
_SIGNED = ("uploadUrl", "resultUrl")
_PROJECT_ID = "019cec2a-0000-7000-8000-000000000001"
_AT = "2026-03-14T12:00:00.180Z"

_HEADERS = [
    ("webhook-id", "The event's id; the same on each attempt."),
    ("webhook-timestamp", "When this attempt was signed, in seconds since 1970."),
    ("webhook-signature", "One or more signatures (Standard Webhooks), such as `v1,…`."),
    ("x-craftkit-event", "The event's type."),
]


def webhooks() -> Json:
    """The `webhooks` of the document, one for each type of event."""
    described: Json = {}
    for name, (summary, _) in _RENDER_EVENTS.items():
        described[name] = _webhook(name, summary, "RenderEvent")
    for name, (summary, _) in _BATCH_EVENTS.items():
        described[name] = _webhook(name, summary, "BatchEvent")
    for name, summary in _OTHER_EVENTS.items():
        described[name] = _webhook(name, summary, "ProjectEvent")
    return described


def example_data(name: str) -> Json:
    """The `data` of an example of an event, such as `render.failed`. Raises KeyError."""
    if name in _RENDER_EVENTS:
        _, render = _RENDER_EVENTS[name]
        data = {key: value for key, value in render.items() if not key.startswith("download")}
    elif name in _BATCH_EVENTS:
        _, batch = _BATCH_EVENTS[name]
        data = {key: value for key, value in batch.items() if key not in _SIGNED}
    elif name in _OTHER_EVENTS:
        data = {"id": "019cec2a-1000-7000-8000-000000000001"}
    else:
        raise KeyError(name)
    return data | {"projectId": _PROJECT_ID}


def event_schemas() -> Json:
    """The bodies of the events."""
    return {
        "RenderEvent": _event(
            "The end of a render.",
            sorted(_RENDER_EVENTS),
            {
                "description": "The render without its download URL, which would have expired; "
                "and its project.",
                "allOf": [{"$ref": f"{PREFIX}RenderEventData"}],
            },
        ),
        "RenderEventData": {
            "type": "object",
            "description": "A render as `GET /v1/renders/{id}` shows it, without `downloadUrl` "
            "and `downloadExpiresAt`.",
            "required": ["id", "status", "mode", "templateSlug", "projectId"],
            "properties": {
                "id": {"type": "string", "format": "uuid"},
                "status": {"type": "string", "enum": ["succeeded", "failed", "cancelled"]},
                "mode": {"type": "string", "enum": ["live", "test"]},
                "templateSlug": {"type": "string"},
                "projectId": {"type": "string", "format": "uuid"},
                "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        },
        "BatchEvent": _event(
            "The end of a batch.",
            sorted(_BATCH_EVENTS),
            {
                "description": "The batch without its signed addresses; and its project.",
                "allOf": [{"$ref": f"{PREFIX}BatchEventData"}],
            },
        ),
        "BatchEventData": {
            "type": "object",
            "description": "A batch as `GET /v1/batches/{id}` shows it, without `uploadUrl` "
            "and `resultUrl`.",
            "required": ["id", "status", "mode", "templateSlug", "projectId"],
            "properties": {
                "id": {"type": "string", "format": "uuid"},
                "status": {"type": "string", "enum": ["completed", "refused"]},
                "mode": {"type": "string", "enum": ["live", "test"]},
                "templateSlug": {"type": "string"},
                "projectId": {"type": "string", "format": "uuid"},
            },
        },
        "ProjectEvent": _event(
            "Something else that happened in the project.",
            sorted(_OTHER_EVENTS),
            {
                "type": "object",
                "required": ["id", "projectId"],
                "properties": {
                    "id": {"type": "string", "description": "What the event is about."},
                    "projectId": {"type": "string", "format": "uuid"},
                },
            },
        ),
    }


def _event(description: str, types: list[str], data: Json) -> Json:
    return {
        "type": "object",
        "description": description,
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"type": "string", "enum": types},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": data,
        },
    }


def _webhook(name: str, summary: str, schema: str) -> Json:
    example = {"type": name, "timestamp": _AT, "data": example_data(name)}
    first, *rest = name.replace(".", "_").split("_")
    return {
        "post": {
            "operationId": "on" + "".join(word.capitalize() for word in (first, *rest)),
            "summary": summary,
            "description": f"Sent to each webhook endpoint that takes `{name}`.",
            "tags": ["webhooks"],
            "security": [],
            "parameters": [
                {
                    "name": header,
                    "in": "header",
                    "required": True,
                    "description": description,
                    "schema": {"type": "string"},
                }
                for header, description in _HEADERS
            ],
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {"$ref": PREFIX + schema},
                        "example": example,
                    }
                },
            },
            "responses": {
                "2XX": {"description": "Received. Any other status is retried."},
                "410": {"description": "No longer wanted: the endpoint is disabled."},
            },
        }
    }
