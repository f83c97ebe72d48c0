"""The tools. Each calls the API with the key, so the API decides what the key may do."""

from base64 import b64encode
from collections.abc import Callable
from typing import Protocol

from craftkit.errors import InvalidInputDataError, InvalidRequestError
from craftkit.mcp.protocol import Content, Json, Tool, image_of, text_of
from craftkit.templates.data import validate_data
from craftkit.templates.models import read_manifest

INSTRUCTIONS = (
    "Craftkit makes PDF documents from templates and JSON data. List the templates, get one to see "
    "its JSON Schema and example data, validate your data, then create the render."
)
PREVIEW_SECONDS = 60
_SHOWN = (
    "id", "status", "mode", "templateSlug", "versionNumber", "pageCount", "sizeBytes",
    "downloadUrl", "warnings", "errorCode", "errorMessage",
)  # fmt: skip
_SLUG = {"type": "string", "description": "The template's slug, such as invoice."}
_DATA = {"type": "object", "description": "The template's data, by its JSON Schema."}
_PREVIEW = {"format": "png", "pages": "1", "expiresInSeconds": PREVIEW_SECONDS}


class Api(Protocol):
    """The routes that the tools call, with one key. Each raises a `CraftkitError` with the
    envelope of the API's refusal."""

    def templates(self) -> list[Json]: ...

    def template(self, slug: str) -> Json: ...

    def create_render(self, slug: str, data: Json) -> Json:
        """The render, finished if that takes no longer than one request may."""
        ...

    def picture(self, slug: str, data: Json, options: Json) -> bytes: ...

    def render(self, id_: str) -> Json: ...

    def create_version(self, slug: str, manifest: Json, source: str) -> Json: ...


class Tools:
    """The tools, for one key of the API."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def all(self) -> list[Tool]:
        return [
            _tool(
                "list_templates", "List templates", "The templates that the key may use.",
                self._list,
            ),
            _tool(
                "get_template", "Get a template",
                "A template's JSON Schema, and example data that renders as it stands.",
                self._get, slug=_SLUG,
            ),
            _tool(
                "validate_data", "Validate data",
                "Whether data fits a template, with an issue for each field that does not. Renders "
                "nothing.",
                self._validate, slug=_SLUG, data=_DATA,
            ),
            _tool(
                "preview", "Preview a document",
                "The first page as an image. It is a render like any other, whose content is "
                f"deleted after {PREVIEW_SECONDS} seconds.",
                self._preview, is_read_only=False, slug=_SLUG, data=_DATA,
            ),
            _tool(
                "create_render", "Create a document",
                "Renders a PDF and returns its status, with a signed download address. If the "
                "status is not succeeded yet, call get_render.",
                self._render, is_read_only=False, slug=_SLUG, data=_DATA,
            ),
            _tool(
                "get_render", "Get a render",
                "The status of a render, with a new download address.",
                self._read, id={"type": "string", "description": "The render's id."},
            ),
            _tool(
                "create_template_version", "Create a template version",
                "Compiles and stores the next version of a template, which renders do not use "
                "until somebody publishes it. Only a federated token with templates:write may.",
                self._create_version, is_read_only=False, slug=_SLUG,
                manifest={"type": "object", "description": "variables and loops."},
                source={"type": "string", "description": "Typst source."},
            ),
        ]  # fmt: skip

    def _list(self, _arguments: Json) -> Content:
        shown = ("slug", "name", "latestVersion")
        return text_of([{name: each.get(name) for name in shown} for each in self._api.templates()])

    def _get(self, arguments: Json) -> Content:
        found = self._api.template(_text(arguments, "slug"))
        preview = found["previewData"]
        shown = {name: found.get(name) for name in ("slug", "name", "latestVersion", "jsonSchema")}
        return text_of({**shown, "exampleData": preview["data"] if preview else None})

    def _validate(self, arguments: Json) -> Content:
        template = self._api.template(_text(arguments, "slug"))
        manifest = template["manifest"]
        if manifest is None:
            raise InvalidRequestError(f"The template {template['slug']} has no published version.")
        try:
            validate_data(read_manifest(manifest), arguments["data"])
        except InvalidInputDataError as error:
            issues = error.issues.field_errors if error.issues else {}
            return text_of({"valid": False, "issues": issues})
        return text_of({"valid": True, "issues": {}})

    def _preview(self, arguments: Json) -> Content:
        slug, data = _text(arguments, "slug"), _object(arguments, "data")
        return image_of(b64encode(self._api.picture(slug, data, _PREVIEW)).decode())

    def _render(self, arguments: Json) -> Content:
        return _shown(self._api.create_render(_text(arguments, "slug"), _object(arguments, "data")))

    def _read(self, arguments: Json) -> Content:
        return _shown(self._api.render(_text(arguments, "id")))

    def _create_version(self, arguments: Json) -> Content:
        made = self._api.create_version(
            _text(arguments, "slug"),
            _object(arguments, "manifest"),
            _text(arguments, "source"),
        )
        return text_of(made)


def _tool(
    name: str,
    title: str,
    description: str,
    run: Callable[[Json], Content],
    *,
    is_read_only: bool = True,
    **properties: Json,
) -> Tool:
    schema: Json = {"type": "object", "properties": properties, "additionalProperties": False}
    if properties:
        schema["required"] = list(properties)
    return Tool(name, title, description, schema, run, is_read_only)


def _shown(render: Json) -> Content:
    return text_of({name: render.get(name) for name in _SHOWN})


def _text(arguments: Json, name: str) -> str:
    value = arguments[name]
    if not isinstance(value, str):
        raise InvalidRequestError(f"The argument {name} must be a string.")
    return value


def _object(arguments: Json, name: str) -> Json:
    value = arguments[name]
    if not isinstance(value, dict):
        raise InvalidRequestError(f"The argument {name} must be an object.")
    return value
