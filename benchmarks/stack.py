"""The deployed stack for end-to-end measurements, shared by the whole run."""

import atexit
from contextlib import ExitStack
from functools import cache

from testkit.stack import RunningStack, local_stack


@cache
def running_stack() -> RunningStack:
    """The stack of `make dev` if it runs the same sources, or a new one for this process."""
    stopping = ExitStack()
    atexit.register(stopping.close)
    stack, _ = stopping.enter_context(local_stack())
    return stack
