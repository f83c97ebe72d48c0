"""Writes the pages of `docs/` that are made from the code: `make docs`.

    python -m tools.docs

Each page is a function that returns its text; a test calls it and compares, so none can go stale.
"""

import json
from collections.abc import Callable
from pathlib import Path

from craftkit.errors import CraftkitError, every_error
from craftkit.openapi import describe
from tools import cost, permissions

DOCS = Path(__file__).parents[1] / "docs"
PUBLIC_URL = "https://api.craftkit.dev"


def openapi() -> str:
    """The document that a stage serves at `GET /v1/openapi.json`, under the public address."""
    return json.dumps(describe(PUBLIC_URL), indent=2, ensure_ascii=False) + "\n"


def errors() -> str:
    """Every code, by status, as the tree of errors has it."""
    known = sorted(_each_code().values(), key=lambda error: (error.status, error.code))
    rows = [
        f"| {error.status} | `{error.code}` | {_first_line(error)} | {error.message} |"
        for error in known
    ]
    return "\n".join([_ERRORS, *rows, ""])


def _each_code() -> dict[str, type[CraftkitError]]:
    found: dict[str, type[CraftkitError]] = {}
    for error in every_error():
        # Not those of the CLI, which no answer of the API carries.
        if error.__module__ == CraftkitError.__module__:
            found.setdefault(error.code, error)
    found["internal"] = CraftkitError
    return found


def _first_line(error: type[CraftkitError]) -> str:
    if error is CraftkitError:
        return "Something failed that nobody foresaw."
    return (error.__doc__ or "").splitlines()[0]


_ERRORS = """# Errors

Made from `craftkit.errors` by `make docs`.

Every refusal is JSON in one envelope, with the header `x-request-id`:

```json
{ "error": { "code": "invalid_input_data", "message": "…", "issues": { "formErrors": [], "fieldErrors": { "items.3.qty": ["Required"] } }, "requestId": "…" } }
```

`code` is stable: write programs against it. `message` is for people and may change. `issues` is there only where an input was judged, keyed by dotted path. No answer ever repeats a secret, a stack trace or a value that was sent. A 401 carries `WWW-Authenticate: Bearer`; a 429 carries `Retry-After`.

Send a request again on 429, 500, 503 and 504, with the same `Idempotency-Key` where the call writes; any other answer stays the same until the request changes.

| HTTP | code | when | message |
| --- | --- | --- | --- |"""  # noqa: E501 a table's row and a JSON example stay on their line

PAGES: dict[str, Callable[[], str]] = {
    "openapi.json": openapi,
    "errors.md": errors,
    "permissions.md": permissions.page,
    "cost.md": cost.page,
}


def main() -> None:
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
