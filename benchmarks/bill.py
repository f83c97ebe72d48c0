"""The bills of a million documents, from `docs/cost-inputs.json` (`python -m benchmarks.calls`)."""

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
    bills = (
        ("bill.inline", cost.inline(inputs, is_stored=True), 25, "the document is the response"),
        ("bill.unstored", cost.inline(inputs, is_stored=False), 16, "with `options.store` false"),
        ("bill.batch", cost.batch(inputs), 12, "in batches of 1,000 with one ZIP download each"),
    )
    for name, prices, target, note in bills:
        dollars = sum(price.dollars for price in prices)
        yield Result(name, dollars, "US$", target=f"value <= {target}", note=f"a million, {note}")
