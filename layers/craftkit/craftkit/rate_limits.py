"""The state of the limits that a request was charged to, as response headers.

Code that charges a limit calls `note`; `http` collects the states of one request and adds the
headers. Outside of a request, such as in the CLI, `note` does nothing.

The headers follow draft-ietf-httpapi-ratelimit-headers-10: two lists of structured fields.
https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class LimitState:
    """One limit after a charge, or after it was refused.

    Attributes:
        name: such as `project-reads`; the same limit always has the same name.
        limit: the requests, or renders, allowed within one window.
        remaining: how many more are allowed now.
        reset_seconds: seconds until the whole `limit` is available again.
    """

    name: str
    limit: int
    window_seconds: int
    remaining: int
    reset_seconds: int


_collected: ContextVar[dict[str, LimitState] | None] = ContextVar("limit_states", default=None)


@contextmanager
def collect() -> Iterator[dict[str, LimitState]]:
    """Collect the states that are noted inside, by name; the last of each name."""
    states: dict[str, LimitState] = {}
    token = _collected.set(states)
    try:
        yield states
    finally:
        _collected.reset(token)


def note(state: LimitState) -> None:
    """Report a limit's state to the request that is being answered, if there is one."""
    states = _collected.get()
    if states is not None:
        states[state.name] = state


def as_headers(states: Iterable[LimitState]) -> dict[str, str]:
    """The headers `RateLimit-Policy` and `RateLimit`; empty if nothing was charged."""
    known = list(states)
    if not known:
        return {}
    policies = [f'"{one.name}";q={one.limit};w={one.window_seconds}' for one in known]
    current = [f'"{one.name}";r={one.remaining};t={one.reset_seconds}' for one in known]
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(current)}
