"""Typst's diagnostics, said to the author of a template.

A message names a place in the author's own source, and never a path of this machine or a line
of the prelude.
"""

import re
from collections.abc import Sequence

import typst

from typst_child.wire import Header

_PLACE = re.compile(r"┌─ (\S+):(\d+):(\d+)$", re.MULTILINE)
_ROOT = re.compile(r" \(searched at [^)]*\)")
_NO_PACKAGES = "packages from outside cannot be imported: write what you need into the template"
# They are kept in the render's row, and an author's `panic` may say all of the data.
_LENGTH_LIMIT = 1000
_WARNINGS_LIMIT = 50
_STANDARD = re.compile(r"^(?:PDF/[\w-]+(?:, )?)+ error: ")


def of(error: typst.TypstError) -> Header:
    """The answer that stands for an error: its kind, its message, and where it is."""
    line, column = _place_in_template(error.diagnostic) or (None, None)
    message, hints = _ROOT.sub("", error.message), error.hints
    if message.startswith(("failed to download package", "package not found")):
        message, hints = _NO_PACKAGES, []
    elif line is None and "image" in message:
        message = f"an image of the data cannot be shown: {message}"
    return {
        "error": "standard" if _STANDARD.match(message) else "source",
        "message": _with_hints(message.removeprefix("panicked with: "), hints),
        "line": line,
        "column": column,
    }


def sentences(warnings: Sequence[typst.TypstWarning]) -> list[str]:
    """Typst's warnings, each with the line that it is about."""
    found = []
    for warning in warnings:
        place = _place_in_template(warning.diagnostic)
        where = f"line {place[0]}: " if place else ""
        found.append(where + _with_hints(_ROOT.sub("", warning.message), warning.hints))
    told = list(dict.fromkeys(found))
    more = len(told) - _WARNINGS_LIMIT
    return [*told[:_WARNINGS_LIMIT], f"{more} more warnings"] if more > 0 else told


def _place_in_template(diagnostic: str) -> tuple[int, int] | None:
    """Line and column, from 1, of the innermost place in the author's source.

    Typst's first diagnosis ends where a blank line is followed by the next `error:`.
    """
    first = diagnostic.split("\n\nerror: ", 1)[0]
    for file, line, column in _PLACE.findall(first):
        if file.endswith("/template.typ"):
            return int(line), int(column) + 1
    return None


def _with_hints(message: str, hints: Sequence[str]) -> str:
    told = [hint for hint in hints if "--root" not in hint and "sandbox" not in hint]
    text = message if not told else f"{message} ({'; '.join(told)})"
    return text if len(text) <= _LENGTH_LIMIT else f"{text[:_LENGTH_LIMIT]}…"
