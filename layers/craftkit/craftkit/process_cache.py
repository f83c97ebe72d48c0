"""Caches of values that belong to the stage: AWS clients, tables, secrets, keys and versions.

A cache that depends on the environment is made with `process_cache`, or registers its `clear`. A
process serves one stage until it ends, so only tests and benchmarks call `clear_all`, before they
replace the stack. Caches of pure functions use `functools` and stay.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

_clears: list[Callable[[], object]] = []


class Cached[**Parameters, Result](Protocol):
    """A cached function, as `functools` makes it."""

    def __call__(self, *args: Parameters.args, **options: Parameters.kwargs) -> Result: ...

    def cache_clear(self) -> None: ...


def process_cache[**Parameters, Result](
    function: Callable[Parameters, Result],
) -> Cached[Parameters, Result]:
    """Cache a function's results until the process ends; at most 256 of them."""
    cached = lru_cache(maxsize=256)(function)
    register(cached.cache_clear)
    return cached


def register(clear: Callable[[], object]) -> None:
    """Add a cache that is not made with `process_cache`. `clear` empties it."""
    _clears.append(clear)


def clear_all() -> None:
    """Empty every registered cache."""
    for clear in _clears:
        clear()
