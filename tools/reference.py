"""Writes `docs/api.md`: the API reference, from the OpenAPI document."""

from collections.abc import Iterator
from typing import Any

_METHODS = ("get", "post", "put", "patch", "delete")
_NUMBERS = (("minimum", "from"), ("maximum", "to"))

Json = dict[str, Any]


def reference(document: Json) -> str:
    """The whole page: a table of the routes, a section for each, and the bodies."""
    address = document["servers"][0]["url"]
    routes = list(_routes(document))
    parts = [
        "# API reference",
        "",
        _BEGINNING.format(address=address),
        "",
        "| route | | scope |",
        "| --- | --- | --- |",
    ]
    for method, path, operation in routes:
        summary = operation["summary"]
        link = f"[{summary}](api.md#{anchor_of(summary)})"
        parts.append(f"| `{method.upper()} {path}` | {link} | {_scope(operation)} |")
    parts.append("")
    for method, path, operation in routes:
        parts += _operation(method, path, operation)
    parts += ["## Bodies", "", "A field without *optional* is always present.", ""]
    for name, schema in sorted(document["components"]["schemas"].items()):
        parts += [f"### {name}", "", *_fields(schema), ""]
    return "\n".join(parts)


def anchor_of(heading: str) -> str:
    """The anchor of a heading, as GitHub generates it."""
    kept = "".join(letter for letter in heading.lower() if letter.isalnum() or letter in "_- ")
    return kept.replace(" ", "-")


def _routes(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if operation := methods.get(method):
                yield method, path, operation


def _operation(method: str, path: str, operation: Json) -> list[str]:
    parts = [f"## {operation['summary']}", "", f"`{method.upper()} {path}`"]
    parts += ["", f"Scope: {_scope(operation)}.", ""]
    if description := operation.get("description"):
        parts += [description, ""]
    if parameters := operation.get("parameters"):
        parts += ["| parameter | in | value |", "| --- | --- | --- |"]
        parts += [_parameter(each) for each in parameters]
        parts.append("")
    if body := operation.get("requestBody"):
        ((media_type, content),) = body["content"].items()
        is_form = media_type == "application/x-www-form-urlencoded"
        form = ", as a form" if is_form else ""
        body_words = body.get("description") or f"{_type(content['schema'])}{form}."
        parts += [f"Body: {body_words}", ""]
    parts += ["| status | response |", "| --- | --- |"]
    for status, answer in sorted(operation["responses"].items()):
        content = answer.get("content", {}).get("application/json", {}).get("schema", {})
        is_refusal = content.get("$ref", "").endswith("/Error")
        shown = answer["description"] if is_refusal or not content else _type(content)
        parts.append(f"| {status} | {shown} |")
    return [*parts, ""]


def _scope(operation: Json) -> str:
    """The scope that a route needs, `any key`, or `none (public)` for a route without a key."""
    if scope := operation.get("x-scope"):
        return f"`{scope}`"
    return "none (public)" if operation.get("security") == [] else "any key"


def _parameter(parameter: Json) -> str:
    optional = "" if parameter.get("required") else ", optional"
    takes = parameter.get("description") or _type(parameter["schema"])
    return f"| `{parameter['name']}`{optional} | {parameter['in']} | {takes} |"


def _fields(schema: Json) -> list[str]:
    parts = [str(schema.get("description", "")).replace("\n\n", "\0").replace("\n", " "), ""]
    parts[0] = parts[0].replace("\0", "\n\n")
    properties = schema.get("properties")
    if not properties:
        return [*parts, f"{_type(schema)}."]
    required = schema.get("required", [])
    parts += ["| field | type |", "| --- | --- |"]
    return parts + [
        f"| `{name}`{'' if name in required else ', optional'} | {_type(field)} |"
        for name, field in properties.items()
    ]


def _type(schema: Json) -> str:
    """A short description of a schema's type."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](api.md#{anchor_of(name)})"
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return _with_default(
                " or ".join(dict.fromkeys(_type(each) for each in schema[several])), schema
            )
    if "enum" in schema:
        return _with_default(", ".join(f"`{value}`" for value in schema["enum"]), schema)
    if "const" in schema:
        return f"`{schema['const']}`"
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'])} by name"
    words = [schema.get("format", kind)]
    words += [f"{word} {schema[key]:,}" for key, word in _NUMBERS if key in schema]
    if "maxLength" in schema:
        least = f"{schema['minLength']} to " if schema.get("minLength") else "up to "
        words.append(f"of {least}{schema['maxLength']:,} characters")
    if "pattern" in schema:
        words.append("matching `" + schema["pattern"].replace("|", "\\|") + "`")
    return _with_default(" ".join(words), schema)


def _with_default(words: str, schema: Json) -> str:
    """The description with the default value, if there is one."""
    default = schema.get("default")
    if default is None or isinstance(default, dict | list):
        return words
    shown = str(default).lower() if isinstance(default, bool) else default
    return f"{words}; `{shown}` by default"


_BEGINNING = """This page describes every route of the API, with its parameters, bodies and errors. `make docs` generates it from the [OpenAPI 3.1 document](openapi.json), which every stage serves at `GET /v1/openapi.json`.

Base URL: `{address}`. Send the key as `Authorization: Bearer ck_live_…` ([authentication](authentication.md)). Every response has the header `x-request-id`. Every error has the same [envelope](errors.md). There are [clients](clients.md) for Python and TypeScript.

| topic | rules |
| --- | --- |
| Requests | JSON in UTF-8, camelCase, at most 1 MiB, uncompressed or with `Content-Encoding: gzip`. Unknown fields are refused. Another charset or encoding returns 415; bytes that are not UTF-8 return 400 `invalid_json`. |
| Responses | JSON in UTF-8, camelCase; embed routes use snake_case. Compressed if the client sends `Accept-Encoding: gzip`. New fields can be added: ignore fields that you do not know. |
| Methods | Every GET route also supports HEAD. Other methods return 405; `Allow` lists the path's methods. |
| Idempotency | With `Idempotency-Key` (or `jobId`) a repeated request does not create a second render. A repeat returns the render in its current state; a failed render is tried again. The same key with another body returns 409 `idempotency_conflict` with the `renderId`. A key belongs to one project and mode, and is stored as long as its render. |
| `sync` | The response waits for the document, at most 25 seconds: 200 with the finished render, 202 if it is not finished, 422 `render_failed` if it failed. No response takes longer than 29 seconds. |
| Documents | With `Accept: application/pdf` (or the type of the image format) the render and download routes return the document itself, with the headers `x-craftkit-render-id`, `x-craftkit-page-count` and `content-disposition`. A document larger than 4.5 MB returns 303 with its signed URL. Errors stay JSON. |
| Erasing | `DELETE /v1/renders/{{id}}` erases document, data, metadata and file name; usage still counts the render. `options.expiresInSeconds` (60 or more) does the same after that time. A render is stored until `expiresAt`; afterwards it is 404. The data is encrypted with the render's own key, which is erased too; database backups contain file names and metadata of the last 35 days, and no readable data. |
| Not storing | With `options.store: false`, which needs `Accept`, the service stores neither data nor document, file name or metadata. The render is counted in usage, has no webhook event, and its id is 404 on every route. A document larger than 4.5 MB returns 422 `render_failed` with `render_too_large`. Nothing is queued: without a free worker the response is 503, and above the project's limit of concurrent renders 429. A repeat with the same idempotency key renders the document again and is not counted again. |
| Delivering | `options.deliverTo` sends the finished document with PUT to a presigned URL of S3, Google Cloud Storage or Azure Blob Storage (which requires the header `x-ms-blob-type: BlockBlob`). `Content-Type` and `Content-Length` are set. A response other than 2xx is retried with the schedule of [webhooks](webhooks.md), so the URL should be valid for a while; 410 ends the delivery. `delivery` of the render has `status` (`pending`, `delivered`, `failed`, or `skipped` without a document), `attempts` and `lastError`; `render.succeeded` is sent after the first attempt and contains it. URL and headers are stored encrypted until the delivery ends, and are never shown. |
| Finishing | `options.letterhead`, `append`, `attachments` and `password` apply to PDFs: [letterheads, further pages, attachments and passwords](finishing.md). A file that cannot be used fails the render with `invalid_file`; the message begins with the path of its field. |
| Lists | Newest first, `limit` up to 100. For the next page, send `nextCursor` as `cursor` with the same filters. |
| Times and ids | Times are RFC 3339 in UTC with milliseconds; ids are UUIDv7. |

API Gateway adds headers of its own (`x-amzn-RequestId`, `x-amz-apigw-id`, `X-Amzn-Trace-Id`); do not rely on them."""  # noqa: E501 a paragraph of Markdown is one line
