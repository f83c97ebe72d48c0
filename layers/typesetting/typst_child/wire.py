"""Frames between the typesetter and its child: a JSON header, then blobs of bytes.

JSON and not pickle: what a hostile template might make the child say is read as data only.
"""

import json
import struct
from collections.abc import Sequence
from typing import IO, Any

_LENGTH = struct.Struct(">I")

Header = dict[str, Any]


def send(stream: IO[bytes], header: Header, blobs: Sequence[bytes] = ()) -> None:
    """Write one frame. A pipe that nobody reads any more raises `BrokenPipeError`."""
    head = json.dumps({**header, "sizes": [len(blob) for blob in blobs]}).encode()
    stream.write(b"".join((_LENGTH.pack(len(head)), head, *blobs)))
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[Header, list[bytes]]:
    """Read one frame.

    Raises:
        EOFError: the other side is gone.
    """
    header: Header = json.loads(_exactly(stream, _LENGTH.unpack(_exactly(stream, 4))[0]))
    return header, [_exactly(stream, size) for size in header.pop("sizes")]


def _exactly(stream: IO[bytes], size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise EOFError("the other side closed its pipe")
    return content
