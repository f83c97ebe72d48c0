"""Warnings about characters of the data that the document cannot show."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from craftkit.typesetter import Job
from typesetting.request import REPLACEMENT, UNASSIGNED

_NAMED = 20


def warnings_of(job: Job, missing: Sequence[str], *, replaced: bool) -> Iterator[str]:
    """One sentence for each character without a glyph, and for replaced characters.

    Args:
        missing: the characters without a glyph that the child found in the PDF.
        replaced: whether the job's data has U+FFFD, sent by the caller or inserted by `request`.
    """
    texts = dict(_texts(job.data, "")) if missing or replaced else {}
    missing = [text for text in missing if text != REPLACEMENT]
    for text in missing[:_NAMED]:
        codes = " ".join(f"U+{ord(character):04X}" for character in text)
        where = next((f" at {path}" for path, value in texts.items() if text in value), "")
        yield f"No font has “{text}” ({codes}){where}: the document shows a box instead."
    if len(missing) > _NAMED:
        yield f"No font has {len(missing) - _NAMED} further characters."
    if not replaced:
        return
    if paths := [path for path, value in texts.items() if UNASSIGNED.search(value)]:
        yield f"Unassigned or private-use characters were replaced by U+FFFD at {_named(paths)}."
    if paths := [path for path, value in texts.items() if REPLACEMENT in value]:
        yield (
            f"The data has U+FFFD (�) at {_named(paths)}: the text was damaged before it was sent, "
            "mostly by reading another encoding as UTF-8."
        )


def _named(paths: Sequence[str]) -> str:
    more = len(paths) - _NAMED
    return ", ".join(paths[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, f"{path}.{index}")
