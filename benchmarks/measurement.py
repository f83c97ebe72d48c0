"""A measured value with its baseline and its target."""

import operator
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

_COMPARE = {"<=": operator.le, ">=": operator.ge, "==": operator.eq}
_TARGET = re.compile(r"(value|ratio) (<=|>=|==) ([\d.]+)")


@dataclass(frozen=True)
class Result:
    """One line of the table.

    Args:
        name: dotted and permanent, because results are compared over time by name.
        unit: of `value` and of the baseline, such as `ms`.
        baseline: name and value of the comparison, measured in the same run.
        target: `value <= 0.3` or `ratio <= 3`; None without a target.
        note: an explanation of the value.
    """

    name: str
    value: float
    unit: str
    baseline: tuple[str, float] | None = None
    target: str | None = None
    note: str | None = None

    @property
    def ratio(self) -> float | None:
        return self.value / self.baseline[1] if self.baseline and self.baseline[1] else None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without a target."""
        if self.target is None:
            return None
        parsed = _TARGET.fullmatch(self.target)
        if parsed is None:
            raise ValueError(f"{self.name}: a target is `value <= 1` or `ratio <= 1`")
        subject, comparison, limit = parsed.groups()
        measured = self.value if subject == "value" else self.ratio
        return measured is not None and bool(_COMPARE[comparison](measured, float(limit)))

    def as_json(self) -> dict[str, Any]:
        written: dict[str, Any] = {
            "name": self.name,
            "value": round(self.value, 3),
            "unit": self.unit,
        }
        if self.baseline:
            name, value = self.baseline
            written["baseline"] = {"name": name, "value": round(value, 3)}
        if self.ratio is not None:
            written["ratio"] = round(self.ratio, 3)
        if self.target:
            written |= {"target": self.target, "met": self.met}
        if self.note:
            written["note"] = self.note
        return written


def milliseconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def medians(*works: Callable[[], float], rounds: int, warm_up: int = 1) -> Sequence[float]:
    """The median of each measurement, taken alternately, so that load on the machine affects all.

    Args:
        works: functions that measure once and return the number.
        warm_up: rounds whose numbers are discarded.
    """
    taken: list[list[float]] = [[] for _ in works]
    for turn in range(warm_up + rounds):
        for numbers, work in zip(taken, works, strict=True):
            number = work()
            if turn >= warm_up:
                numbers.append(number)
    return [median(numbers) for numbers in taken]
