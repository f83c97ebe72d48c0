"""Frames between the typesetter and its child: a JSON header, then blobs of bytes.

The header is JSON, not pickle: data from a compromised child must not execute in the parent.
"""

import json
import struct
from collections.abc import Sequence
from typing import Any, Protocol

_LENGTH = struct.Struct(">I")
HEADER_LIMIT_BYTES = 64 * 1024 * 1024
"""Maximum size of a header. It holds warnings and the keys of barcodes, no blobs."""

Header = dict[str, Any]


class Writer(Protocol):
    def write(self, content: bytes, /) -> object: ...

    def flush(self) -> object: ...


class Reader(Protocol):
    def read(self, size: int, /) -> bytes: ...


def send(stream: Writer, header: Header, blobs: Sequence[bytes] = ()) -> None:
    """Write one frame.

    Raises:
        BrokenPipeError: the other side has closed the pipe.
    """
    head = json.dumps({**header, "sizes": [len(blob) for blob in blobs]}).encode()
    stream.write(b"".join((_LENGTH.pack(len(head)), head, *blobs)))
    stream.flush()


def receive(stream: Reader) -> tuple[Header, list[bytes]]:
    """Read one frame.

    Raises:
        EOFError: the other side has closed the pipe, or has sent no frame.
    """
    size = _LENGTH.unpack(_exactly(stream, _LENGTH.size))[0]
    if size > HEADER_LIMIT_BYTES:
        raise EOFError("the header is larger than a frame may have")
    header: Header = json.loads(_exactly(stream, size))
    return header, [_exactly(stream, size) for size in header.pop("sizes")]


def _exactly(stream: Reader, size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise EOFError("the other side closed its pipe")
    return content
