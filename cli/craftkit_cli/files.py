"""Reads and writes the files of commands. Each error names the file."""

from pathlib import Path
from typing import Any

from craftkit.errors import InvalidJsonError, InvalidRequestError
from craftkit.strict_json import parse_object

Json = dict[str, Any]


def read_file(name: str) -> bytes:
    """The content of a file. Raises InvalidRequestError if it cannot be read."""
    try:
        return Path(name).read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InvalidRequestError(f"The file {name} cannot be read: {reason}.") from error


def read_text_file(name: str) -> str:
    """A text file. Raises InvalidRequestError if it cannot be read or is not UTF-8."""
    try:
        return read_file(name).decode()
    except UnicodeDecodeError as error:
        message = f"The file {name} is not UTF-8: invalid byte at offset {error.start}."
        raise InvalidRequestError(message) from error


def read_json_file(name: str) -> Json:
    """A JSON object in a file. Raises as `read_file` and `parse_object` do."""
    try:
        return parse_object(read_file(name))
    except InvalidJsonError as error:
        message = f"The file {name} is not valid JSON. {error.reason}"
        raise InvalidJsonError(message=message) from error


def write_file(file: Path, content: bytes) -> None:
    """Write a file. Raises InvalidRequestError if it cannot be written."""
    try:
        file.write_bytes(content)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InvalidRequestError(f"The file {file} cannot be written: {reason}.") from error
