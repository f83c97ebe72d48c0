"""The bill of a million renders, from `docs/cost-inputs.json` (`python -m benchmarks.calls`)."""

import json
from collections.abc import Iterable

from benchmarks.measurement import Result
from tools import cost


def measure() -> Iterable[Result]:
    inputs = json.loads(cost.INPUTS.read_text(encoding="utf-8"))
    polled = sum(price.dollars for price in cost.render(inputs, 1))
    notified = sum(price.dollars for price in cost.render(inputs, 1, cost.NOTIFIED))
    yield Result(
        "bill.polled",
        polled,
        "US$",
        target="value <= 40",
        note="a million renders, polled once and downloaded once",
    )
    yield Result("bill.notified", notified, "US$", note="with a webhook in place of the poll")
