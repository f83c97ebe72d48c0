"""Writes the generated pages of `docs/`: `make docs`.

    python -m tools.docs

Each page is a function that returns its text. A test compares the files with these functions.
"""

import inspect
import json
from collections.abc import Callable
from pathlib import Path

from craftkit.errors import CraftkitError, every_error
from craftkit.openapi import describe
from craftkit.renders.lifecycle import WORKER_FAILED
from craftkit.trust.errors import OAuthError
from craftkit.typesetter import FontError, SourceError, TypesettingError
from tools import cost, permissions, reference

DOCS = Path(__file__).parents[1] / "docs"
PUBLIC_URL = "https://api.craftkit.dev"


def openapi() -> str:
    """The document that a stage serves at `GET /v1/openapi.json`, with the public base URL."""
    return json.dumps(describe(PUBLIC_URL), indent=2, ensure_ascii=False) + "\n"


def api() -> str:
    """The API reference: the OpenAPI document as Markdown."""
    return reference.reference(describe(PUBLIC_URL))


def errors() -> str:
    """The table of all codes by status, and a section for each, which `docUrl` links to."""
    known = sorted(_each_code().values(), key=lambda error: (error.status, error.code))
    index = [f"| {error.status} | `{error.code}` | {_first_line(error)} |" for error in known]
    index += [f"| {status} | `{code}` | {when} |" for status, code, when, _ in _GATEWAY]
    sections = [
        _section(error.status, error.code, _description(error), error.message) for error in known
    ]
    sections += [_section(status, code, when, message) for status, code, when, message in _GATEWAY]
    causes = [f"| `{code}` | {when} |" for code, when in _causes().items()]
    refusals = sorted({OAuthError, *OAuthError.__subclasses__()}, key=lambda each: each.code)
    oauth = [
        f"| {each.status} | `{each.code}` | {each.message} |"
        for each in sorted(refusals, key=lambda each: each.status)
    ]
    parts = [_ERRORS, *index, "", _CODES, "", *sections, _OAUTH, *oauth, "", _CAUSES, *causes, ""]
    return "\n".join(parts)


_OAUTH = """## Errors of the token exchange

`POST /v1/oauth/token` alone answers in the form of OAuth (RFC 6749, section 5.2): `{"error": "invalid_grant", "error_description": "…"}`. [Calls without a stored key](federation.md#exchange-a-token) says what to do about each.

| status | `error` | message |
| --- | --- | --- |"""  # noqa: E501 a paragraph is one line


def _section(status: int, code: str, when: str, message: str) -> str:
    return f"### {code}\n\nHTTP {status}. {when}\n\n> {message}\n"


def _each_code() -> dict[str, type[CraftkitError]]:
    found: dict[str, type[CraftkitError]] = {}
    for error in every_error():
        # The API does not return the errors of the CLI.
        if error.__module__ == CraftkitError.__module__:
            found.setdefault(error.code, error)
    found["internal"] = CraftkitError
    return found


def _causes() -> dict[str, str]:
    """The values of a failed render's `errorCode`, and when each is set."""
    causes = {
        error.code: _first_line(error)
        for error in (SourceError, *TypesettingError.__subclasses__())
        if error is not FontError  # a font is refused when it is uploaded, not when it is used
    }
    deleted = "The template was deleted before the render was started."
    given_up = (
        "The render was started three times and did not finish, or was not started in 24 hours."
    )
    return causes | {"template_not_found": deleted, WORKER_FAILED: given_up}


def _first_line(error: type[Exception]) -> str:
    if error is CraftkitError:
        return "An unexpected error of the service."
    return (error.__doc__ or "").splitlines()[0]


def _description(error: type[Exception]) -> str:
    """The class's docstring as paragraphs, without its arguments."""
    if error is CraftkitError:
        return _first_line(error)
    paragraphs = (inspect.cleandoc(error.__doc__ or "").partition("\n\nArgs:")[0]).split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


# Errors that only API Gateway returns; see GatewayResponses in template.yaml.
_GATEWAY = (
    (
        504,
        "timeout",
        "The response took longer than 29 seconds. The render may have been created.",
        "The response took longer than 29 seconds; the render may have been created. Send the "
        "request again with the same Idempotency-Key, or look for the render in GET /v1/renders.",
    ),
)

_ERRORS = """# Errors

This page lists every error code of the API, with its meaning and what to do. `make docs` generates it from `craftkit.errors`.

Every error is JSON in the same envelope, with the header `x-request-id`:

```json
{
  "error": {
    "code": "invalid_input_data",
    "message": "`data` does not fit the template's manifest. `issues` names each field and what it must be.",
    "issues": { "formErrors": [], "fieldErrors": { "items.3.qty": ["Required"] } },
    "docUrl": "https://docs.craftkit.dev/errors.html#invalid_input_data",
    "requestId": "0f29e713-36f7-4b80-ac91-c78e2219c281"
  }
}
```

| field | value |
| --- | --- |
| `code` | A stable code for programs. |
| `message` | What happened and what to do next, as text for developers. It can change. |
| `issues` | Only for invalid input: what is wrong with each field, by dotted path. |
| `docUrl` | The section of this page for the code. |
| `requestId` | The id of the request. Include it when you contact support. |
| `render`, `renderId` | The render that the error is about (`render_failed`, `idempotency_conflict`). |

An error never contains a secret, a stack trace or a value of the request. A 401 has the header `WWW-Authenticate: Bearer`, a 405 has `Allow`, a 429 and a 503 have `Retry-After`.

Retry 429, 500, 503 and 504, with the same `Idempotency-Key` if the request writes. Other errors repeat until the request changes. In staging and prod a firewall is in front of the API: an address that sends thousands of requests in five minutes, and a request that matches a known attack, receive 403 `permission_denied`.

| HTTP | code | when |
| --- | --- | --- |"""  # noqa: E501 a table's row and a JSON example stay on their line

_CODES = "## Each code"

_CAUSES = """## Why a render failed

A failed render has an `errorCode` for programs and an `errorMessage` for developers, with line and column if the template is the cause. The same request with the same `Idempotency-Key` tries it again, as the next `attempt` of the same render. With `options.sync` a failed render returns 422 `render_failed`, with the render in `error.render`.

| errorCode | when |
| --- | --- |"""  # noqa: E501 a paragraph of Markdown is one line

PAGES: dict[str, Callable[[], str]] = {
    "openapi.json": openapi,
    "api.md": api,
    "errors.md": errors,
    "permissions.md": permissions.page,
    "cost.md": cost.page,
}


def main() -> None:
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
