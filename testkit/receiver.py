"""A webhook receiver without a network: a fake of `network.fetch`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from craftkit.network import Fetched, Policy


@dataclass(frozen=True)
class Call:
    """One request that arrived."""

    url: str
    policy: Policy
    method: str
    body: bytes
    headers: dict[str, str]


class Receiver:
    """Records each call and responds with each of `answers` in turn, then always with 200.

    An answer is a status, a `Fetched`, or an exception to raise.
    """

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.calls: list[Call] = []
        self.before: Callable[[], object] | None = None

    def __call__(
        self, url: str, policy: Policy, method: str, body: bytes, headers: Mapping[str, str]
    ) -> Fetched:
        self.calls.append(Call(url, policy, method, body, dict(headers)))
        if self.before:
            self.before()
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Fetched) else answered(answer)


def answered(status: int, body: bytes = b"ok", **headers: str) -> Fetched:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fetched(status=status, headers=named, body=body, elapsed_ms=12)
