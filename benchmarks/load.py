"""The load curve of the deployed stack, and its latency at half of its maximum throughput.

More callers increase the throughput until the machine is saturated, and then the latency.
"""

from collections.abc import Iterator

from benchmarks.measurement import Result
from benchmarks.pressure import Heard, press
from benchmarks.stack import running_stack

CALLERS = (1, 2, 4, 8, 16, 32)
_STEP_SECONDS = 8.0
_WARM_SECONDS = 15.0
_ENOUGH = 0.9
"""A step that brings this share of the best is as good as the best, and waits less."""


def measure() -> Iterator[Result]:
    stack = running_stack()
    # Start the environments first, so that cold starts are not measured.
    press(stack, max(CALLERS), _WARM_SECONDS)
    curve = {callers: press(stack, callers, _STEP_SECONDS) for callers in CALLERS}
    knee = knee_of(curve)
    for callers, heard in curve.items():
        name = f"load.callers_{callers:02}"
        yield Result(f"{name}.answers", heard.per_second, "1/s", note=f"p99 {heard.p99:.0f} ms")
    yield Result("load.knee.callers", knee, "callers")
    yield Result("load.knee.answers", curve[knee].per_second, "1/s")
    half = press(stack, max(1, knee // 2), _STEP_SECONDS * 2)
    yield Result(
        "load.half_knee.p99", half.p99, "ms",
        baseline=("p50 of the same", half.p50), target="ratio <= 4",
    )  # fmt: skip
    faults = sum(heard.faults for heard in (*curve.values(), half))
    yield Result("load.faults", faults, "answers", target="value == 0")


def knee_of(curve: dict[int, Heard]) -> int:
    """The smallest number of callers with nearly the maximum throughput."""
    best = max(heard.per_second for heard in curve.values())
    return min(number for number, heard in curve.items() if heard.per_second >= _ENOUGH * best)
