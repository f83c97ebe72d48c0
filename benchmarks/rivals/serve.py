"""The loop that every rival runs: a line of data in, a line of what it took out."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any


def serve(render: Callable[[dict[str, Any]], bytes]) -> None:
    for line in sys.stdin:
        data = json.loads(line)
        started = time.perf_counter()
        pdf = render(data)
        elapsed = (time.perf_counter() - started) * 1000
        print(json.dumps({"milliseconds": elapsed, "bytes": len(pdf)}), flush=True)
