"""Concurrent callers; each sends its next request after the response to the last one."""

import http.client
import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from statistics import median
from urllib.parse import urlsplit

from testkit.stack import RunningStack

DATA = {
    "customer": {"name": "Ada Lovelace"},
    "items": [{"name": "Engine notes", "qty": 1, "price": "42.00"}],
    "total": "42.00",
}
PATH = "/v1/templates/invoice/render"


@dataclass
class Heard:
    """The responses that callers received, and their latencies in milliseconds."""

    seconds: float = 0.0
    waited: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def per_second(self) -> float:
        return len(self.waited) / self.seconds

    @property
    def faults(self) -> int:
        """5xx responses, and requests without a response (599)."""
        return sum(count for status, count in self.statuses.items() if status >= 500)

    @property
    def p50(self) -> float:
        return median(self.waited)

    @property
    def p99(self) -> float:
        ordered = sorted(self.waited)
        return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]


def press(
    stack: RunningStack, callers: int, seconds: float, *, path: str = PATH, key: str | None = None
) -> Heard:
    """Run `callers` for `seconds`: they create renders and read other paths."""
    body = json.dumps({"data": DATA}).encode() if path == PATH else None
    address = urlsplit(stack.api_url)
    headers = {
        "Authorization": f"Bearer {key or stack.test_key}",
        "Content-Type": "application/json",
    }
    begun = time.perf_counter()
    end = begun + seconds

    def call(_number: int) -> Heard:
        heard = Heard()
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
        while (started := time.perf_counter()) < end:
            try:
                connection.request("POST" if body else "GET", path, body, headers)
                answer = connection.getresponse()
                answer.read()
                status = answer.status
            except (OSError, http.client.HTTPException):
                connection.close()
                status = 599
            heard.waited.append((time.perf_counter() - started) * 1000)
            heard.statuses[status] += 1
        connection.close()
        return heard

    with ThreadPoolExecutor(callers) as pool:
        parts = list(pool.map(call, range(callers)))
    whole = Heard(time.perf_counter() - begun)
    for part in parts:
        whole.waited += part.waited
        whole.statuses += part.statuses
    return whole
