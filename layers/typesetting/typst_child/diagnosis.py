"""Converts Typst's diagnostics into messages for the author of a template.

A message refers to lines of the author's source, never to a path of this machine or a line of the
prelude.
"""

import re
from collections.abc import Sequence

import typst

from typst_child.wire import Header

_PLACE = re.compile(r"┌─ (\S+):(\d+):(\d+)$", re.MULTILINE)
_ROOT = re.compile(r" \(searched at [^)]*\)")
_NO_PACKAGES = "packages from outside cannot be imported: write what you need into the template"
# Messages are stored in the render's row, and an author's `panic` can contain all of the data.
_LENGTH_LIMIT = 1000
_WARNINGS_LIMIT = 50
_STANDARD = re.compile(r"^(?:PDF/[\w-]+(?:, )?)+ error: ")
_UNKNOWN = re.compile(r"unknown variable: ([\w-]+)")
_PRELUDE_NAMES = frozenset(
    {"data", "money", "number", "day", "picture", "qr", "barcode", "pages", "document-frame"}
)
_IMPORT = '#import "/craftkit.typ": *'
_DECIMAL_FLOAT = re.compile(
    r"cannot (?:add|subtract|multiply|divide|compare|apply)\b.*"
    r"\b(?:decimal\b.*\bfloat|float\b.*\bdecimal)"
)


def of(error: typst.TypstError, folder: str) -> Header:
    """The response for an error: kind, message, line and column.

    Args:
        folder: the child's folder; it is removed from the message.
    """
    line, column = _place_in_template(error.diagnostic) or (None, None)
    message, hints = _without_paths(error.message, folder), [*error.hints]
    if message.startswith(("failed to download package", "package not found")):
        message, hints = _NO_PACKAGES, []
    elif line is None and ("image" in message or "SVG" in message):
        message = f"an image of the data cannot be shown: {message}"
    return {
        "error": "standard" if is_standard_breach(error) else "source",
        "message": _with_hints(message.removeprefix("panicked with: "), hints, folder),
        "line": line,
        "column": column,
    }


def is_standard_breach(error: typst.TypstError) -> bool:
    """Whether the document compiles, but violates the PDF standard."""
    return _STANDARD.match(error.message) is not None


def breach_sentence(error: typst.TypstError, folder: str) -> str:
    """A violation of the standard as a warning, for output other than PDF."""
    answer = of(error, folder)
    where = f"line {answer['line']}: " if answer["line"] else ""
    return f"{where}As a PDF this would be refused: {answer['message']}"


def sentences(warnings: Sequence[typst.TypstWarning], folder: str) -> list[str]:
    """Typst's warnings, each with its line."""
    found = []
    for warning in warnings:
        place = _place_in_template(warning.diagnostic)
        where = f"line {place[0]}: " if place else ""
        found.append(
            where + _with_hints(_without_paths(warning.message, folder), warning.hints, folder)
        )
    distinct = list(dict.fromkeys(found))
    more = len(distinct) - _WARNINGS_LIMIT
    shown = distinct[:_WARNINGS_LIMIT]
    return [*shown, f"{more} more warnings"] if more > 0 else shown


def _place_in_template(diagnostic: str) -> tuple[int, int] | None:
    """The innermost position in the author's source: line and column, from 1.

    Typst's first diagnosis ends where a blank line is followed by the next `error:`.
    """
    first = diagnostic.split("\n\nerror: ", 1)[0]
    for file, line, column in _PLACE.findall(first):
        if file.endswith("/template.typ"):
            return int(line), int(column) + 1
    return None


def _without_paths(text: str, folder: str) -> str:
    """The message without the paths of the child's and the template's folder."""
    return re.sub(re.escape(folder) + r"(/\d+)?", "", _ROOT.sub("", text))


def _own_hints(message: str) -> list[str]:
    """Hints about the prelude, which Typst cannot give."""
    unknown = _UNKNOWN.match(message)
    if unknown and unknown[1] in _PRELUDE_NAMES:
        return [f"begin the template with {_IMPORT}"]
    if _DECIMAL_FLOAT.search(message):
        return ['numbers of the data are exact decimals: write the constant as decimal("0.19")']
    return []


def _with_hints(message: str, hints: Sequence[str], folder: str) -> str:
    useful = _own_hints(message) or [
        _without_paths(hint, folder)
        for hint in hints
        if "--root" not in hint and "sandbox" not in hint
    ]
    text = message if not useful else f"{message} ({'; '.join(useful)})"
    return text if len(text) <= _LENGTH_LIMIT else f"{text[:_LENGTH_LIMIT]}…"
