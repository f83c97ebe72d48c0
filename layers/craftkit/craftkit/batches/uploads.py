"""Reads the rows of an uploaded file from a byte on, without holding more than one of them."""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from craftkit import storage
from craftkit.batches import files
from craftkit.batches.models import ROW_LIMIT_BYTES, Batch
from craftkit.errors import InvalidInputError, InvalidJsonError, InvalidRequestError, Issues
from craftkit.strict_json import DEPTH_LIMIT, parse_object

JOB_ID, FILENAME = "$jobId", "$filename"
"""Names in a mapping, or of columns, that are no paths in the data."""

_LIST_LIMIT = 1000
_INDEX_DIGITS = 4
_BOM = b"\xef\xbb\xbf"
_SURROGATE = re.compile("[\ud800-\udfff]")


Header = list[list[str]]
"""For each column its paths in the data; none where it is not used."""


class UnreadableFileError(Exception):
    """The file as a whole cannot be read. The message is for the caller."""


@dataclass(frozen=True)
class ReadRow:
    """One row: the item, or why it cannot be read; and the byte behind it."""

    item: Mapping[str, Any] | InvalidInputError
    end: int


def read_rows(batch: Batch, start: int) -> Iterator[ReadRow]:
    """The rows from a byte on, which is 0 or the end of a row.

    Raises:
        UnreadableFileError: no header, a column that is missing, a row of more than 1 MiB, or more
            than that of empty rows.
        ReplacedError: it is not the file that the check began with.
    """
    if batch.upload_format == "ndjson":
        yield from _read_ndjson(_lines_of(batch, start), start)
        return
    header_end, header = _read_header(batch)
    begin = max(start, header_end)
    yield from _read_csv(header, _lines_of(batch, begin), begin)


def _lines_of(batch: Batch, start: int) -> Iterator[tuple[bytes, int]]:
    content = storage.stream(files.upload_key(batch), start, batch.upload_etag)
    return _lines(content, start)


def _lines(chunks: Iterator[bytes], start: int) -> Iterator[tuple[bytes, int]]:
    """Each line with its newline, and the byte behind it."""
    rest, end = b"", start
    for chunk in chunks:
        parts = (rest + chunk).split(b"\n")
        rest = parts.pop()
        for part in parts:
            end += len(part) + 1
            yield part + b"\n", end
        if len(rest) > ROW_LIMIT_BYTES:
            raise UnreadableFileError("A row is larger than 1 MiB.")
    if rest:
        yield rest, end + len(rest)


class _EmptyRows:
    """Counts the bytes of empty rows: they take time, and have no row at which a slice can end."""

    def __init__(self, start: int) -> None:
        self._end = start
        self._empty_bytes = 0

    def note(self, end: int, *, is_empty: bool) -> None:
        self._empty_bytes += (end - self._end) * is_empty
        self._end = end
        if self._empty_bytes > ROW_LIMIT_BYTES:
            raise UnreadableFileError("The file has more than 1 MiB of empty rows. Remove them.")


def _read_ndjson(lines: Iterator[tuple[bytes, int]], start: int) -> Iterator[ReadRow]:
    empty = _EmptyRows(start)
    for line, end in lines:
        is_empty = not line.strip()
        empty.note(end, is_empty=is_empty)
        if is_empty:
            continue
        try:
            yield ReadRow(parse_object(line), end)
        except InvalidJsonError as error:
            issues = Issues(
                form_errors=[f"The line is not valid JSON. {error.reason or ''}".strip()]
            )
            yield ReadRow(InvalidRequestError(issues=issues), end)
        except InvalidInputError as error:
            yield ReadRow(error, end)


def _read_header(batch: Batch) -> tuple[int, Header]:
    """The byte behind the header, and for each column its paths in the data."""
    first = next(_records(_lines_of(batch, 0)), None)
    if first is None:
        raise UnreadableFileError("The file is empty. Its first row must name the columns.")
    columns, end = first
    columns = [name.removeprefix(_BOM.decode()) for name in columns]
    if any(map(_SURROGATE.search, columns)):
        raise UnreadableFileError("The header has a byte that is not UTF-8.")
    for path in batch.mapping or columns:
        if path.count(".") >= DEPTH_LIMIT:
            raise UnreadableFileError(f"A column's path has more than {DEPTH_LIMIT} parts.")
    if not batch.mapping:
        return end, [[name.strip()] if name.strip() else [] for name in columns]
    missing = sorted(set(batch.mapping.values()) - set(columns))
    if missing:
        raise UnreadableFileError(f"The file has no column named {missing[0]}.")
    paths: dict[str, list[str]] = {}
    for path, column in batch.mapping.items():
        paths.setdefault(column, []).append(path)
    return end, [paths.get(name, []) for name in columns]


def _read_csv(header: Header, lines: Iterator[tuple[bytes, int]], start: int) -> Iterator[ReadRow]:
    empty = _EmptyRows(start)
    for cells, end in _records(lines):
        empty.note(end, is_empty=not any(cells))
        if not any(cells):
            continue
        try:
            yield ReadRow(_item_of(header, cells), end)
        except InvalidInputError as error:
            yield ReadRow(error, end)


def _records(lines: Iterator[tuple[bytes, int]]) -> Iterator[tuple[list[str], int]]:
    """Each record of a CSV file, which may span lines, and the byte behind it."""
    ends = [0]
    size_bytes = 0

    def texts() -> Iterator[str]:
        nonlocal size_bytes
        for line, end in lines:
            ends[0] = end
            size_bytes += len(line)
            if size_bytes > ROW_LIMIT_BYTES:  # a quoted cell may hold newlines
                raise UnreadableFileError("A row is larger than 1 MiB.")
            yield line.decode("utf-8", errors="surrogateescape")

    reader = csv.reader(texts(), strict=True)
    while True:
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise UnreadableFileError(f"The file is not valid CSV: {error}.") from error
        size_bytes = 0
        yield record, ends[0]


def _item_of(header: Header, cells: list[str]) -> Mapping[str, Any]:
    """A record as an item. Empty cells are absent values."""
    if len(cells) > len(header):
        message = f"The row has {len(cells)} cells, and the header {len(header)}"
        raise InvalidRequestError(issues=Issues(form_errors=[message]))
    item: dict[str, Any] = {"data": {}}
    cells_by_path = (
        (path, cell) for paths, cell in zip(header, cells, strict=False) for path in paths
    )
    for path, cell in cells_by_path:
        if cell == "":
            continue
        try:
            cell.encode()
        except UnicodeEncodeError as error:
            issue = {path: ["Must be text in UTF-8"]}
            raise InvalidRequestError(issues=Issues(field_errors=issue)) from error
        if path in (JOB_ID, FILENAME):
            item[path[1:]] = cell
        else:
            _place(item["data"], path.split("."), cell, path)
    item["data"] = _with_lists(item["data"])
    return item


def _place(node: dict[str, Any], steps: list[str], cell: str, path: str) -> None:
    for step in steps[:-1]:
        inner = node.setdefault(step, {})
        if not isinstance(inner, dict):
            issue = {path: ["Another column has a value for a part of this path"]}
            raise InvalidRequestError(issues=Issues(field_errors=issue))
        node = inner
    node[steps[-1]] = cell


def _with_lists(value: Any) -> Any:
    """Objects whose names are numbers as lists: `items.0.name` is the name of the first item."""
    if not isinstance(value, dict):
        return value
    inner = {name: _with_lists(each) for name, each in value.items()}
    is_list = all(
        name.isascii() and name.isdigit() and len(name) <= _INDEX_DIGITS for name in inner
    )
    if inner and is_list and len(inner) <= _LIST_LIMIT:
        return [inner[name] for name in sorted(inner, key=int)]
    return inner
