"""The deployed stack for what is measured end to end: one for the whole run."""

import atexit
from contextlib import ExitStack
from functools import cache

from testkit.stack import RunningStack, local_stack


@cache
def running_stack() -> RunningStack:
    """The stack of `make dev` where it runs these sources, else one until this process ends."""
    stopping = ExitStack()
    atexit.register(stopping.close)
    stack, _ = stopping.enter_context(local_stack())
    return stack
