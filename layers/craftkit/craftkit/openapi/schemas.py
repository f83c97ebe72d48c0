"""The models' JSON schemas, in a form that generators of clients read well.

Names are those that a person would choose; optional fields of requests have no `default`, which
generators take for "always there"; times, addresses and ids have their formats.
"""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from craftkit import errors

Json = dict[str, Any]
Kind = type[BaseModel]
References = dict[tuple[Any, JsonSchemaMode], Json]

PREFIX = "#/components/schemas/"

_NAMES = {
    "CatalogRequest": "PublishCatalogRequest",
    "CatalogView": "PublishedCatalog",
    "CatalogsView": "CatalogPage",
    "DifferenceView": "CatalogDifference",
    "Exposure": "ExposedKey",
    "ExposureReport": "ExposedKeysReport",
    "Finding": "ExposedKeyFinding",
    "Findings": "ExposedKeyFindings",
    "Form": "EmbedForm",
    "HealthView": "Health",
    "JwkView": "Jwk",
    "JwksView": "JwkSet",
    "Loop": "CatalogLoop",
    "Namespace": "CatalogNamespace",
    "RefreshRequest": "RefreshEmbedSessionRequest",
    "RenderView": "Render",
    "Scope": "EmbedScope",
    "SessionRequest": "EmbedSessionRequest",
    "SessionView": "EmbedSession",
    "TemplateDetailView": "Template",
    "TemplateView": "TemplateSummary",
    "TemplatesView": "TemplatePage",
    "UsageView": "Usage",
    "Variable": "CatalogVariable",
    "VersionView": "TemplateVersion",
}

_FORMATS = (
    (("At", "_at"), "date-time"),
    (("Url", "_url"), "uri"),
    (("Id", "_id"), "uuid"),
)
# What pydantic writes for a limit of a union, and what JSON Schema calls it.
_KEYWORDS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
}
_NOT_UUIDS = {"externalId", "templateExternalId", "jobId", "requestId"}


def schemas_of(wanted: Iterable[tuple[Kind, JsonSchemaMode]]) -> tuple[Json, References]:
    """The components by name, and the reference to each wanted model."""
    references, definitions = models_json_schema(
        list(wanted), by_alias=True, ref_template=PREFIX + "{model}"
    )
    found = {
        _NAMES.get(name, name): _cleaned(schema) for name, schema in definitions["$defs"].items()
    }
    components = dict(sorted(found.items())) | _error_schemas()
    return components, {key: _cleaned(reference) for key, reference in references.items()}


def without_null(schema: Json) -> Json:
    """The schema of what is sent where null and absent are the same."""
    options = [option for option in schema.get("anyOf", []) if option != {"type": "null"}]
    if len(options) != 1:
        return schema
    (only,) = options
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
    return {**rest, **only}


def _cleaned(schema: Json) -> Json:
    """A schema without titles and defaults, with formats and the public names."""
    cleaned: Json = {}
    for key, value in schema.items():
        if key in ("title", "default"):
            continue
        key = _KEYWORDS.get(key, key)
        if key == "$ref":
            name = value.removeprefix(PREFIX)
            cleaned[key] = PREFIX + _NAMES.get(name, name)
        elif key == "properties":
            cleaned[key] = {name: _property(name, field) for name, field in value.items()}
        elif key == "description":
            cleaned[key] = " ".join(value.split())
        elif isinstance(value, dict):
            cleaned[key] = _cleaned(value)
        elif isinstance(value, list):
            cleaned[key] = [_cleaned(each) if isinstance(each, dict) else each for each in value]
        else:
            cleaned[key] = value
    return cleaned


def _property(name: str, schema: Json) -> Json:
    default = schema.get("default")
    shown = _with_format(name, _cleaned(schema))
    if default is not None and not isinstance(default, dict | list):
        text = str(default).lower() if isinstance(default, bool) else default
        said = shown.get("description", "")
        shown["description"] = f"{said} Default: `{text}`.".strip()
    return shown


def _with_format(name: str, schema: Json) -> Json:
    if "anyOf" in schema:
        return {**schema, "anyOf": [_with_format(name, each) for each in schema["anyOf"]]}
    if schema.get("type") != "string" or set(schema) & {"format", "enum", "pattern"}:
        return schema
    if name == "id":
        return {**schema, "format": "uuid"}
    for endings, format_ in _FORMATS:
        if name.endswith(endings) and name not in _NOT_UUIDS:
            return {**schema, "format": format_}
    return schema


def _error_schemas() -> Json:
    texts = {"type": "array", "items": {"type": "string"}}
    return {
        "Error": {
            "type": "object",
            "description": "The body of every error response.",
            "required": ["error"],
            "properties": {"error": {"$ref": f"{PREFIX}ErrorDetail"}},
        },
        "ErrorDetail": {
            "type": "object",
            "description": "What went wrong.",
            "required": ["code", "message", "docUrl", "requestId"],
            "properties": {
                "code": {"$ref": f"{PREFIX}ErrorCode"},
                "message": {
                    "type": "string",
                    "description": "What happened and what to do next, as text for the reader.",
                },
                "docUrl": {
                    "type": "string",
                    "format": "uri",
                    "description": "The code's section of the documentation.",
                },
                "requestId": {"type": "string"},
                "renderId": {
                    "type": "string",
                    "format": "uuid",
                    "description": "`idempotency_conflict` alone: the render that has the key.",
                },
                "render": {
                    "$ref": f"{PREFIX}Render",
                    "description": "`render_failed` alone: the failed render.",
                },
                "issues": {"$ref": f"{PREFIX}Issues"},
            },
        },
        "ErrorCode": {
            "type": "string",
            "description": "A stable code. New codes may be added.",
            "enum": sorted({error.code for error in errors.every_error()} | {"timeout"}),
        },
        "Issues": {
            "type": "object",
            "description": "What is wrong with the input; `fieldErrors` by dotted path.",
            "required": ["formErrors", "fieldErrors"],
            "properties": {
                "formErrors": texts,
                "fieldErrors": {"type": "object", "additionalProperties": texts},
            },
        },
    }
