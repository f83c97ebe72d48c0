"""What a stage costs: measured calls and milliseconds, times the public price list.

The inputs are `docs/cost-inputs.json` (`python -m benchmarks.calls`); everything that is assumed
and not measured stands in this file, by name.
"""

import json
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

from deployment.pruning import KEPT

INPUTS = Path(__file__).parents[1] / "docs" / "cost-inputs.json"

# us-east-1, on demand, without free tiers; AWS's public list as of 2025-11. US dollars.
LAMBDA_GB_SECOND = 0.0000133334  # arm64
LAMBDA_REQUEST = 0.20 / 1e6
SNAPSTART_GB_SECOND = 0.0000015046  # the cached snapshot of each published version
GATEWAY_TIERS = ((333e6, 3.50), (1e9, 2.80), (20e9, 2.38), (float("inf"), 1.51))  # a million
READ_UNIT, WRITE_UNIT = 0.125 / 1e6, 0.625 / 1e6
TABLE_GB_MONTH, RECOVERY_GB_MONTH = 0.25, 0.20
QUEUE_REQUEST = 0.50 / 1e6  # 0.40, and 0.10 for a message that bears a group
S3_PUT, S3_GET, S3_GB_MONTH = 0.005 / 1e3, 0.0004 / 1e3, 0.023
LOG_GB, LOG_GB_MONTH = 0.50, 0.03
METRIC_MONTH, ALARM_MONTH, BOARD_MONTH = 0.30, 0.10, 3.00
TRACE = 5.00 / 1e6
FIREWALL_MONTH, RULE_MONTH, FIREWALL_REQUEST = 5.00, 1.00, 0.60 / 1e6
SECRET_MONTH, KEY_MONTH = 0.40, 1.00
TRANSFER_GB = 0.09

# Assumed: waits inside the region, and sizes.
WAIT_MILLISECONDS = {"dynamodb": 4.0, "sqs": 8.0, "s3": 25.0, "lambda": 30.0}
TYPST_MILLISECONDS = 20.0  # `typesetting.invoice` in docs/performance.md, rounded up
FULL_CPU_MB = 1769
DOCUMENT_KB, RETENTION_DAYS = 60, 90
LINE_BYTES = 400
TRACED = 0.05
READS_PER_RENDER = 2  # polled once, downloaded once

MEMORY_MB = {
    "authorize": 512,
    "create_render": 512,
    "get_render": 512,
    "render_document": 1769,
    "meter_usage": 512,
    "create_deliveries": 512,
}
LINES = {"authorize": 1, "create_render": 3, "get_render": 3, "render_document": 3}
RATES = (1e3, 1e6, 1e9)


@dataclass(frozen=True)
class Price:
    """One service's part, in US dollars."""

    service: str
    dollars: float


def request(inputs: dict[str, Any], millions: float) -> list[Price]:
    """A million authorised requests that read one render, at `millions` a month."""
    million = 1e6
    calls = ("authorize", "get_render")
    return [
        Price("API Gateway", gateway(millions)),
        Price("Lambda", million * sum(compute(name, inputs[name]) for name in calls)),
        Price("DynamoDB", million * sum(table(inputs[name]) for name in calls)),
        Price("CloudWatch logs", million * log(calls, gateway_lines=1)),
        Price("X-Ray", million * TRACED * TRACE),
        Price("WAF", million * FIREWALL_REQUEST),
    ]


def render(inputs: dict[str, Any], millions: float) -> list[Price]:
    """A million asynchronous live renders, each read twice: made, kept, metered, fetched."""
    million = 1e6
    reads = READS_PER_RENDER * million
    row = ceil(inputs["render_row"]["bytes"] / 1024)
    asked = ("authorize", "create_render")
    behind = ("render_document", "meter_usage", "create_deliveries")
    # Three writes of a row that may be longer than what is sent, and as many of its index entry,
    # which is there while the render is not finished.
    written = million * WRITE_UNIT * (3 * (row - 1) + 3 * row)
    tables = million * sum(table(inputs[name]) for name in (*asked, *behind)) + written
    tables += reads * sum(table(inputs[name]) for name in ("authorize", "get_render"))
    gigabytes = million * DOCUMENT_KB / 1e6
    kept = gigabytes * RETENTION_DAYS / 30
    rows = million * row / 1e6 * RETENTION_DAYS / 30
    return [
        Price("API Gateway", gateway(millions) * (1 + READS_PER_RENDER)),
        Price(
            "Lambda",
            million * sum(compute(name, inputs[name]) for name in (*asked, *behind))
            + reads * sum(compute(name, inputs[name]) for name in ("authorize", "get_render")),
        ),
        Price("DynamoDB", tables + rows * (TABLE_GB_MONTH + RECOVERY_GB_MONTH)),
        # Sent once; received and deleted once.
        Price("SQS", million * 3 * QUEUE_REQUEST),
        Price("S3", million * (S3_PUT + S3_GET) + kept * S3_GB_MONTH),
        Price(
            "CloudWatch logs",
            million * log((*asked, *behind), gateway_lines=1)
            + reads * log(("authorize", "get_render"), gateway_lines=1),
        ),
        Price("X-Ray", million * (1 + READS_PER_RENDER) * TRACED * TRACE),
        Price("WAF", million * (1 + READS_PER_RENDER) * FIREWALL_REQUEST),
        Price("Transfer", gigabytes * TRANSFER_GB),
    ]


def idle(stage: str) -> list[Price]:
    """A month of a stage that nobody calls."""
    prices = [
        Price("Three secrets", 3 * SECRET_MONTH),
        Price("The vault's key", KEY_MONTH),
        # Sweepers start every minute; each asks its index and ends.
        Price("Sweepers", 2 * 43_800 * (LAMBDA_REQUEST + 0.5 * 0.02 * LAMBDA_GB_SECOND)),
    ]
    if stage in ("staging", "prod"):
        prices += [
            Price("Alarms", 18 * ALARM_MONTH),
            Price("The board", BOARD_MONTH),
            Price("The firewall and five rules", FIREWALL_MONTH + 5 * RULE_MONTH),
        ]
    if stage == "prod":
        gigabytes = (2 * 512 + 2 * 1769) / 1024
        held = KEPT * gigabytes * 2_628_000 * SNAPSTART_GB_SECOND
        prices.append(Price("Snapshots (SnapStart), of two versions", held))
    return prices


def gateway(millions: float) -> float:
    """The average price of a million requests at this many millions a month."""
    total, below = 0.0, 0.0
    for limit, price in GATEWAY_TIERS:
        part = max(0.0, min(millions * 1e6, limit) - below)
        total, below = total + part / 1e6 * price, limit
    return total / millions


def compute(function: str, measured: dict[str, Any]) -> float:
    """One invocation: its own time at the processor's share that its memory buys, and waits."""
    memory = MEMORY_MB[function]
    own = measured["ownMilliseconds"] + (TYPST_MILLISECONDS if function == "render_document" else 0)
    waited = sum(
        count * WAIT_MILLISECONDS.get(call.partition(":")[0], 0.0)
        for call, count in measured["calls"].items()
    )
    seconds: float = ceil(own * FULL_CPU_MB / memory + waited) / 1000
    return LAMBDA_REQUEST + memory / 1024 * seconds * LAMBDA_GB_SECOND


def table(measured: dict[str, Any]) -> float:
    return float(measured["readUnits"] * READ_UNIT + measured["writeUnits"] * WRITE_UNIT)


def log(functions: tuple[str, ...], *, gateway_lines: int) -> float:
    lines = gateway_lines + sum(LINES.get(name, 2) for name in functions)
    return lines * LINE_BYTES / 1e9 * (LOG_GB + LOG_GB_MONTH * RETENTION_DAYS / 30)


def page() -> str:
    """`docs/cost.md`."""
    inputs = json.loads(INPUTS.read_text(encoding="utf-8"))
    parts = [_HEAD]
    for title, model in (("A million authorised requests", request), ("A million renders", render)):
        parts += [f"## {title}", "", _table(model(inputs, 1.0)), ""]
    parts += ["## By the month", "", _months(inputs), "", _BREAKS]
    parts += ["## A stage that nobody calls", "", _idle_table(), "", _RIVALS]
    return "\n".join(parts)


def _table(prices: list[Price]) -> str:
    rows = [f"| {price.service} | {price.dollars:,.2f} |" for price in prices]
    total = sum(price.dollars for price in prices)
    return "\n".join(
        ["| service | US$ |", "| --- | ---: |", *rows, f"| **all** | **{total:,.2f}** |"]
    )


def _months(inputs: dict[str, Any]) -> str:
    standing = sum(price.dollars for price in idle("prod"))
    rows = [
        "| a month | requests, US$ | renders, US$ | a render, US¢ |",
        "| --- | ---: | ---: | ---: |",
    ]
    for rate in RATES:
        millions = rate / 1e6
        asked = standing + millions * sum(p.dollars for p in request(inputs, millions))
        made = standing + millions * sum(p.dollars for p in render(inputs, millions))
        rows.append(f"| {rate:,.0f} | {asked:,.2f} | {made:,.2f} | {100 * made / rate:,.4f} |")
    return "\n".join(rows)


def _idle_table() -> str:
    stages = ("dev", "staging", "prod")
    names = dict.fromkeys(price.service for stage in stages for price in idle(stage))
    found = {stage: {price.service: price.dollars for price in idle(stage)} for stage in stages}
    rows = [
        f"| {name} | " + " | ".join(f"{found[stage].get(name, 0):,.2f}" for stage in stages) + " |"
        for name in names
    ]
    totals = " | ".join(f"**{sum(found[stage].values()):,.2f}**" for stage in stages)
    head = ["| US$ a month | dev | staging | prod |", "| --- | ---: | ---: | ---: |"]
    return "\n".join([*head, *rows, f"| **all** | {totals} |"])


_HEAD = """# What it costs

Made by `make docs` from [`cost-inputs.json`](cost-inputs.json), which `python -m benchmarks.calls` measures from the real handlers: AWS calls, units of the tables, own milliseconds of a warm environment. Prices are AWS's public list for us-east-1, on demand, as of 2025-11, without free tiers and without tax; they and everything that is assumed (waits inside the region, sizes, two reads a render, 5 % of requests traced) stand by name in `tools/cost.py`.

Not in it: people, the support plan, and the traffic of tests.
"""  # noqa: E501 a paragraph of Markdown is one line

_BREAKS = """## What breaks first, and the lever

| at | what is reached first | named in Service Quotas | lever |
| --- | --- | --- | --- |
| 1,000 a month | nothing; what stands still is the bill | | leave `Firewall` and `Watched` to prod alone in `StageConfig`: −15 US$ for staging |
| 1 million a month (0.4 a second; 40 in a rush hour) | nothing | | logs: `LogLevel: WARNING` for routes that are only read |
| 100 million a month (40 a second; 400 in a rush hour) | the live pool, at 100 workers of about 90 ms | Lambda: *Concurrent executions* (1,000) | `WorkerConcurrency` in `StageConfig`, after raising the quota |
| 1 billion a month (400 a second; 4,000 in a rush hour) | API Gateway, then Lambda, then the tables | API Gateway: *Throttle rate* (10,000 a second an account and region) · Lambda: *Concurrent executions* · DynamoDB: *Table-level write throughput* (40,000 units on demand) | several accounts by project; WAF logs to S3; a savings plan for compute (−17 %); provisioned tables with auto scaling (about −60 % of DynamoDB); documents behind a CDN, `RetentionDays` down |
| any | one key or one project that is hot: 1,000 writes a second to one partition | | a key for each workload; `craftkit limits` for the project |

At a billion, half of the bill of a request is the gateway. What would halve it is an HTTP API, which has no exact refusals and no firewall (see `docs/decisions`); that is the price of them.
"""  # noqa: E501 as above

_RIVALS = """## Beside public prices of others

Their list prices as found on 2026-11-24 in stored copies of the pages named; what a document costs inside the plan, and beyond it.

| who | plan | a document, US¢ | a million documents, US$ | from |
| --- | --- | ---: | ---: | --- |
| DocRaptor | Professional, beyond its 325 | 9 | 90,000 | docraptor.com/documentation/article/1273806-how-overage-works |
| DocRaptor | Gold, beyond its quota | 2.25 | 22,500 | the same |
| Rynko | Scale, 149 US$ for 12,000 | 1.24 | 12,417 | docs.rynko.dev/webapp/billing |
| PDF-Sign | Scale, 59 € for 15,000 | 0.39 (€) | 3,933 (€) | docs.pdf-sign.com/docs/rate-limits |
| Kikidoc | Pro, 15 US$ for 15,000 | 0.10 | 1,000 | kikidoc-docs.pages.dev/pricing |

A plan includes a service and its people; the numbers above are machines alone.
"""  # noqa: E501 as above
