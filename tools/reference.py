"""The API reference as Markdown, made from the OpenAPI document."""

from collections.abc import Iterator
from typing import Any

_METHODS = ("get", "post", "put", "patch", "delete")
_NUMBERS = (("minimum", "from"), ("maximum", "to"))

Json = dict[str, Any]


def reference(document: Json) -> str:
    """The whole page: the routes at a glance, each of them, and the bodies."""
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
        summary, scope = operation["summary"], operation.get("x-scope")
        link = f"[{summary}](api.md#{anchor_of(summary)})"
        shown = f"`{scope}`" if scope else "public"
        parts.append(f"| `{method.upper()} {path}` | {link} | {shown} |")
    parts.append("")
    for method, path, operation in routes:
        parts += _operation(method, path, operation)
    parts += ["## Bodies", "", "A field without *optional* is always present.", ""]
    for name, schema in sorted(document["components"]["schemas"].items()):
        parts += [f"### {name}", "", *_fields(schema), ""]
    return "\n".join(parts)


def anchor_of(heading: str) -> str:
    """How a link names a heading of a page."""
    kept = "".join(letter for letter in heading.lower() if letter.isalnum() or letter in "_- ")
    return kept.replace(" ", "-")


def _routes(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if operation := methods.get(method):
                yield method, path, operation


def _operation(method: str, path: str, operation: Json) -> list[str]:
    parts = [f"## {operation['summary']}", "", f"`{method.upper()} {path}`"]
    scope = operation.get("x-scope")
    parts += ["", f"Scope: `{scope}`." if scope else "Public: no API key.", ""]
    if description := operation.get("description"):
        parts += [description, ""]
    if parameters := operation.get("parameters"):
        parts += ["| parameter | in | takes |", "| --- | --- | --- |"]
        parts += [_parameter(each) for each in parameters]
        parts.append("")
    if body := operation.get("requestBody"):
        ((media_type, content),) = body["content"].items()
        form = ", as a form" if media_type != "application/json" else ""
        parts += [f"Body: {_type(content['schema'])}{form}.", ""]
    parts += ["| status | answer |", "| --- | --- |"]
    for status, answer in sorted(operation["responses"].items()):
        content = answer.get("content", {}).get("application/json", {}).get("schema", {})
        is_refusal = content.get("$ref", "").endswith("/Error")
        shown = answer["description"] if is_refusal or not content else _type(content)
        parts.append(f"| {status} | {shown} |")
    return [*parts, ""]


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
    parts += ["| field | holds |", "| --- | --- |"]
    return parts + [
        f"| `{name}`{'' if name in required else ', optional'} | {_type(field)} |"
        for name, field in properties.items()
    ]


def _type(schema: Json) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](api.md#{anchor_of(name)})"
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return _unless_said(
                " or ".join(dict.fromkeys(_type(each) for each in schema[several])), schema
            )
    if "enum" in schema:
        return _unless_said(", ".join(f"`{value}`" for value in schema["enum"]), schema)
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
    return _unless_said(" ".join(words), schema)


def _unless_said(words: str, schema: Json) -> str:
    """The words, with what stands in for a field that is left out."""
    default = schema.get("default")
    if default is None or isinstance(default, dict | list):
        return words
    shown = str(default).lower() if isinstance(default, bool) else default
    return f"{words}; `{shown}` by default"


_BEGINNING = """Made by `make docs` from the [OpenAPI 3.1 document](openapi.json), which every stage serves at `GET /v1/openapi.json`.

Address: `{address}`. Send the key as `Authorization: Bearer ck_live_…` ([authentication](authentication.md)). Every response has `x-request-id`; every error has one envelope ([errors](errors.md)). There are [clients](clients.md) for Python and TypeScript.

| | |
| --- | --- |
| Requests | JSON in UTF-8, camelCase, at most 1 MiB; uncompressed or with `Content-Encoding: gzip`. Unknown fields are refused. Another charset or coding is 415, bytes that are not UTF-8 are 400 `invalid_json`. |
| Responses | JSON in UTF-8, camelCase; those of embed are snake_case. Compressed for a client that sends `Accept-Encoding: gzip`. Ignore fields that you do not know: new ones may be added. |
| Methods | Every GET also answers HEAD. Another method is 405, and `Allow` lists the path's methods. |
| Idempotency | `Idempotency-Key` (or `jobId`) makes a render once. A key belongs to one project and one mode, is kept as long as its render, and stands for one request: another body is 409 `idempotency_conflict` with the `renderId`. A repeat returns the render in its present state; a failed render is tried again. |
| `sync` | Waits for the document, 25 seconds at most: 200 with the finished render, 202 where it is not finished, 422 `render_failed` where it failed. No response takes longer than 29 seconds. |
| Documents | With `Accept: application/pdf` (or the type of the image format) the render and the download route respond with the document itself: `x-craftkit-render-id`, `x-craftkit-page-count` and `content-disposition` are headers. A document larger than 4.5 MB is a 303 to its signed URL. Errors stay JSON. |
| Erasing | `DELETE /v1/renders/{{id}}` erases document, data, metadata and file name; usage still counts the render. `options.expiresInSeconds` (from 60) does the same after that time. `expiresAt` says until when a render is kept; afterwards it is 404. Backups of the database keep the rows of the last 35 days. |
| Not storing | `options.store: false`, only with the document in the response (`Accept`): the service keeps neither data nor document, name or metadata. The render is counted in usage, has no webhook event, and every route of its id is 404. A document larger than 4.5 MB is 422 `render_failed` with `render_too_large`; where no worker is free the response is 503, and more renders at once than a project may have are 429, because nothing is queued. A repeat under the same idempotency key renders the same document again and is not counted again. |
| Lists | Newest first, `limit` up to 100; send `nextCursor` as `cursor` for the next page, with the same filters. |
| Times and ids | RFC 3339 in UTC with milliseconds; ids are UUIDv7. |

The gateway adds headers of its own (`x-amzn-RequestId`, `x-amz-apigw-id`, `X-Amzn-Trace-Id`); do not rely on them."""  # noqa: E501 a paragraph of Markdown is one line
