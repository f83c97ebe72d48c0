"""The main loop of each measured program: reads a line of data, prints a line with the time."""

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
