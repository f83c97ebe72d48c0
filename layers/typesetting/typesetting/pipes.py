"""The pipes to and from the child, with one deadline for a whole exchange.

Non-blocking reads and writes need no extra thread to enforce the deadline.
"""

import os
import select
import time

_CHUNK_BYTES = 1 << 20


class DeadlineError(Exception):
    """The child did not read or write in time."""


class Pipes:
    """Reader and writer of `wire`, for one exchange.

    Args:
        to_child: file descriptor, not blocking.
        from_child: file descriptor, not blocking.
        seconds: for the whole exchange.
    """

    def __init__(self, to_child: int, from_child: int, seconds: float) -> None:
        self._to_child = to_child
        self._from_child = from_child
        self._ends_at = time.monotonic() + seconds

    def write(self, content: bytes) -> None:
        left = memoryview(content)
        while left:
            try:
                left = left[os.write(self._to_child, left) :]
            except BlockingIOError:
                self._wait(self._to_child, select.POLLOUT)

    def flush(self) -> None:
        """Do nothing: `write` has no buffer."""

    def read(self, size: int) -> bytes:
        """Read `size` bytes; fewer if the child has ended."""
        parts = []
        while size:
            try:
                part = os.read(self._from_child, min(size, _CHUNK_BYTES))
            except BlockingIOError:
                self._wait(self._from_child, select.POLLIN)
                continue
            if not part:
                break
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _wait(self, descriptor: int, event: int) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        seconds = self._ends_at - time.monotonic()
        if seconds <= 0 or not poll.poll(seconds * 1000):
            raise DeadlineError
