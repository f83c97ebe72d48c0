"""Bounds of time and memory around the reading of a file that nobody has checked."""

import resource
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

_PAGE_BYTES = resource.getpagesize()


class BoundsError(Exception):
    """The work took longer, or more memory, than it may."""


class _TimeUpError(BaseException):
    """Raised wherever the work is. No `except Exception` on the way catches it."""


@contextmanager
def bounded(seconds: float, size_bytes: int) -> Iterator[None]:
    """Stop the work inside after this time, and refuse it more memory than this.

    The time is bounded in the main thread alone, in which Lambda runs handlers.

    Raises:
        BoundsError: a bound was passed.
    """
    is_main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGALRM, _ring) if is_main else None
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_reserved_bytes() + size_bytes, hard))
    try:
        if is_main:
            signal.setitimer(signal.ITIMER_REAL, seconds)
        yield
    except _TimeUpError:
        raise BoundsError(f"it takes longer than {seconds:g} seconds") from None
    except (MemoryError, RecursionError):
        raise BoundsError("it takes too much memory") from None
    finally:
        if is_main:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _ring(_number: int, _frame: FrameType | None) -> None:
    raise _TimeUpError


def _reserved_bytes() -> int:
    """The address space that the process has now."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * _PAGE_BYTES
