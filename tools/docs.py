"""Writes the pages of `docs/` that are made from the code: `make docs`.

    python -m tools.docs

Each page is a function that returns its text; a test calls it and compares, so none can go stale.
"""

import json
from collections.abc import Callable
from pathlib import Path

from craftkit.errors import CraftkitError, every_error
from craftkit.openapi import describe
from craftkit.renders.lifecycle import WORKER_FAILED
from craftkit.typesetter import FontError, SourceError, TypesettingError
from tools import cost, permissions, reference

DOCS = Path(__file__).parents[1] / "docs"
PUBLIC_URL = "https://api.craftkit.dev"


def openapi() -> str:
    """The document that a stage serves at `GET /v1/openapi.json`, under the public address."""
    return json.dumps(describe(PUBLIC_URL), indent=2, ensure_ascii=False) + "\n"


def api() -> str:
    """The same for people."""
    return reference.reference(describe(PUBLIC_URL))


def errors() -> str:
    """Every code, by status, as the tree of errors has it."""
    known = sorted(_each_code().values(), key=lambda error: (error.status, error.code))
    rows = [
        f"| {error.status} | `{error.code}` | {_first_line(error)} | {error.message} |"
        for error in known
    ]
    rows += [f"| {status} | `{code}` | {when} | {says} |" for status, code, when, says in _GATEWAY]
    causes = [f"| `{code}` | {when} |" for code, when in _causes().items()]
    return "\n".join([_ERRORS, *rows, "", _CAUSES, *causes, ""])


def _each_code() -> dict[str, type[CraftkitError]]:
    found: dict[str, type[CraftkitError]] = {}
    for error in every_error():
        # Not those of the CLI, which no answer of the API carries.
        if error.__module__ == CraftkitError.__module__:
            found.setdefault(error.code, error)
    found["internal"] = CraftkitError
    return found


def _causes() -> dict[str, str]:
    """What a failed render's `errorCode` can be, and when it is that."""
    causes = {
        error.code: _first_line(error)
        for error in (SourceError, *TypesettingError.__subclasses__())
        if error is not FontError  # a font is refused when it is brought, not when it is used
    }
    deleted = "The template was deleted while the render waited."
    given_up = "The render was begun several times and never finished."
    return causes | {"template_not_found": deleted, WORKER_FAILED: given_up}


def _first_line(error: type[Exception]) -> str:
    if error is CraftkitError:
        return "Something failed that nobody foresaw."
    return (error.__doc__ or "").splitlines()[0]


# What the gateway says by itself beyond the tree; see GatewayResponses in template.yaml.
_GATEWAY = (
    (
        504,
        "timeout",
        "No answer came within 29 seconds. The render may have been made all the same.",
        "The answer took too long. Poll the render, or send the request again with the same "
        "Idempotency-Key.",
    ),
)

_ERRORS = """# Errors

Made from `craftkit.errors` by `make docs`.

Every refusal is JSON in one envelope, with the header `x-request-id`:

```json
{
  "error": {
    "code": "invalid_input_data",
    "message": "`data` does not fit the template's manifest.",
    "issues": { "formErrors": [], "fieldErrors": { "items.3.qty": ["Required"] } },
    "requestId": "0f29e713-36f7-4b80-ac91-c78e2219c281"
  }
}
```

`code` is stable: write programs against it. `message` is for people and may change. `issues` is there only where an input was judged, keyed by dotted path. No answer ever repeats a secret, a stack trace or a value that was sent. A 401 carries `WWW-Authenticate: Bearer`; a 429 carries `Retry-After`.

Send a request again on 429, 500, 503 and 504, with the same `Idempotency-Key` where the call writes; any other answer stays the same until the request changes. From staging on, a firewall stands before the API: an address that sends thousands of requests in five minutes, or one that looks like a known attack, is answered 403 `permission_denied`, "This request was blocked.", until it is quiet again.

| HTTP | code | when | message |
| --- | --- | --- | --- |"""  # noqa: E501 a table's row and a JSON example stay on their line

_CAUSES = """## Why a render failed

A render that ended as `failed` says why in `errorCode`, and in `errorMessage` for people, with line and column where the template is at fault. The same request under the same `Idempotency-Key` tries it again, as the next `attempt` of the same render.

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
