"""Frames between the typesetter and its child: a JSON header, then blobs of bytes.

JSON and not pickle: what a hostile template might make the child say is read as data only.
"""

import json
import struct
from collections.abc import Sequence
from typing import Any, Protocol

_LENGTH = struct.Struct(">I")

Header = dict[str, Any]


class Writer(Protocol):
    def write(self, content: bytes, /) -> object: ...

    def flush(self) -> object: ...


class Reader(Protocol):
    def read(self, size: int, /) -> bytes: ...


def send(stream: Writer, header: Header, blobs: Sequence[bytes] = ()) -> None:
    """Write one frame. A pipe that nobody reads any more raises `BrokenPipeError`."""
    head = json.dumps({**header, "sizes": [len(blob) for blob in blobs]}).encode()
    stream.write(b"".join((_LENGTH.pack(len(head)), head, *blobs)))
    stream.flush()


def receive(stream: Reader) -> tuple[Header, list[bytes]]:
    """Read one frame.

    Raises:
        EOFError: the other side is gone.
    """
    header: Header = json.loads(_exactly(stream, _LENGTH.unpack(_exactly(stream, 4))[0]))
    return header, [_exactly(stream, size) for size in header.pop("sizes")]


def _exactly(stream: Reader, size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise EOFError("the other side closed its pipe")
    return content
