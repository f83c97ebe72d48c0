"""Writes `docs/cost.md`: the cost of a stage, from measured usage and public list prices.

`python -m benchmarks.calls` measures `docs/cost-inputs.json`: calls, bytes and milliseconds of each
function. Assumed values, which are not measured, are the constants of this module.
"""

import json
from collections.abc import Callable, Mapping
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
QUEUE_REQUEST = 0.50 / 1e6  # 0.40, and 0.10 for a message with a group
S3_PUT, S3_GET, S3_GB_MONTH = 0.005 / 1e3, 0.0004 / 1e3, 0.023
LOG_GB, LOG_GB_MONTH = 0.50, 0.03
LOG_COMPRESSION = 0.15  # CloudWatch stores logs compressed; the factor of AWS's Pricing Calculator
METRIC_MONTH, ALARM_MONTH, BOARD_MONTH = 0.30, 0.10, 3.00
TRACE = 5.00 / 1e6
FIREWALL_MONTH, RULE_MONTH, FIREWALL_REQUEST = 5.00, 1.00, 0.60 / 1e6
SECRET_MONTH, KEY_MONTH = 0.40, 1.00
KEY_REQUEST = 0.03 / 1e4
SIGN_REQUEST = 0.15 / 1e4  # ECC_NIST_P256 and RSA above 2048 bits; RSA_2048 costs KEY_REQUEST
TRANSFER_GB = 0.09

# Assumed: waits inside the region, and sizes.
WAIT_MILLISECONDS = {"dynamodb": 4.0, "sqs": 8.0, "s3": 25.0, "lambda": 30.0}
TYPST_MILLISECONDS = 10.0  # `typesetting.invoice` in docs/performance.md, rounded up
RECEIVER_MILLISECONDS = 200.0  # of a webhook's receiver, waited for
FULL_CPU_MB = 1769
DOCUMENT_KB, RETENTION_DAYS = 60, 90
ONE_PAGE_KB = 45  # the gallery's invoice with its preview data; a batch adds no electronic one
TRACED = 0.01  # `TracedShare` of prod in template.yaml; a test compares the two
REQUEST_LOG_DAYS = 30  # `RequestLogDays` of prod in template.yaml; a test compares the two
AFTER_RESPONSE_MILLISECONDS = 11.0  # 5 until the write begins, 4 of latency, 2 of CPU
LISTED_BYTES = 40  # of a render that was counted: its id and its share of a list
ITEM_OVERHEAD_BYTES = 100  # what DynamoDB adds to each item
METRIC_SERIES = 40  # routes by code, verdicts, ends of renders, webhooks: what one stage writes
POLLERS, POLLS_A_MONTH = 5, 5 * 3 * 60 * 730  # queues read; five long polls of 20 s at each
KEY_REQUESTS = 9 * 3 * 12 * 730  # nine tables' key, asked for every five minutes by three callers
ARTIFACT_GB = 10  # builds in the bucket of artifacts; Lambda itself stores versions without a price

MEMORY_MB = {"render_document": 1769, "assemble_batch": 1024}  # the others have 512
RATES = (1e3, 1e6, 1e9)

POLLED = {
    "authorize": 3,
    "create_render": 1,
    "render_document": 1,
    "meter_usage": 1,
    "create_deliveries": 1,
    "get_render": 1,
    "download_render": 1,
}
"""Invocations of each function for one render that is polled once and downloaded once."""

NOTIFIED = {
    "authorize": 2,
    "create_render": 1,
    "render_document": 1,
    "meter_usage": 1,
    "create_delivery": 1,
    "deliver_webhook": 1,
    "download_render": 1,
}
"""Invocations of each function for one render that is reported by a webhook and downloaded once."""

INLINE = {
    "authorize": 1,
    "create_render:inline": 1,
    "render_document": 1,
    "meter_usage": 1,
    "create_deliveries": 1,
}
"""Invocations for one render whose document is the response, and is stored."""

UNSTORED = {
    "authorize": 1,
    "create_render:unstored": 1,
    "render_document:unstored": 1,
    "meter_usage": 1,
    "create_deliveries": 1,
}
"""Invocations for one render whose document is the response, with `options.store` false."""

WAITS_FOR = {
    "create_render:inline": "render_document",
    "create_render:unstored": "render_document:unstored",
}
"""Functions that wait for the whole invocation of another function."""

BATCH_REQUESTS = 11 / 1000
"""Requests for each document: one creates the batch of 1,000, ten read its progress."""

BATCHED = {
    "authorize": BATCH_REQUESTS,
    "create_batch": 1,
    "render_document:chunk": 1,
    "check_batches": 5,
    "assemble_batch": 1,
    "get_batch": 10,
}
"""Invocations of each function for one batch of 1,000; of a chunk's, for one chunk."""

LEVERS = {
    "API Gateway": "fixed price: 3.50 per million requests",
    "Lambda": "few AWS calls per invocation; one transaction counts the renders of 50 seconds",
    "DynamoDB": "rows of one write unit; a keys-only index with two writes per render; no "
    "transaction without an idempotency key; renders of a counter are counted together; one write "
    "of a project's rate for the requests of 30 seconds",
    "SQS": "one send, one receive and one delete per message",
    "S3": "fixed price: a document is stored for 90 days and read once",
    "CloudWatch logs": "one line per invocation, which is also its metric; no START and REPORT "
    "lines; no constant fields; each id once per request",
    "X-Ray": "`TracedShare` in `StageConfig`: 1 % of the requests in prod",
    "WAF": "fixed price: 0.60 per million requests",
    "KMS": "no calls per render: queues and bucket use service-managed keys, and decrypted secrets "
    "are cached in memory",
    "Transfer": "fixed price: the document, downloaded once",
}


@dataclass(frozen=True)
class Price:
    """The cost of one service, in US dollars."""

    service: str
    dollars: float


def request(inputs: dict[str, Any], millions: float) -> list[Price]:
    """A million authorized requests that read one render, at `millions` per month."""
    return _bill(inputs, {"authorize": 1, "get_render": 1}, millions, document_kb=0)


def render(
    inputs: dict[str, Any], millions: float, flow: Mapping[str, int] = POLLED
) -> list[Price]:
    """A million asynchronous live renders: created, stored, counted, read and downloaded."""
    messages = 2 if "deliver_webhook" in flow else 1
    return _bill(
        inputs, flow, millions, messages=messages, kept=_kept_render(inputs), storage=_STORED
    )


def inline(inputs: dict[str, Any], *, is_stored: bool) -> list[Price]:
    """A million live renders whose documents are the responses."""
    if is_stored:
        return _bill(inputs, INLINE, 1.0, kept=_kept_render(inputs), storage=_STORED)
    return _bill(inputs, UNSTORED, 1.0, kept=_kept(inputs["unstored_row"]["bytes"]))


def batch(inputs: dict[str, Any]) -> list[Price]:
    """A million one-page documents in batches of 1,000, each downloaded as one ZIP file."""
    puts = _s3_calls(
        inputs, "PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"
    )
    gets = _s3_calls(inputs, "GetObject")
    # Stored as the chunks' objects and as the ZIP file.
    stored = 2 * ONE_PAGE_KB * RETENTION_DAYS / 30 * S3_GB_MONTH / 1e6
    storage = puts * S3_PUT + gets * S3_GET + stored
    # Each chunk's message, and each chunk's end.
    messages = 2 / inputs["render_document:chunk"]["renders"]
    return _bill(inputs, BATCHED, 1.0, messages=messages, storage=storage, document_kb=ONE_PAGE_KB)


def _s3_calls(inputs: dict[str, Any], *operations: str) -> float:
    """The calls of S3 for one document of a batch."""
    works = [inputs[name] for name in BATCHED if name != "authorize"]
    calls = [
        work["calls"].get(f"s3:{each}", 0) / work["renders"]
        for work in works
        for each in operations
    ]
    return float(sum(calls))


def _kept_render(inputs: dict[str, Any]) -> float:
    return _kept(inputs["render_row"]["bytes"], inputs["render_key_row"]["bytes"])


def _kept(row_bytes: int, key_bytes: int = 0) -> float:
    """The price of the rows of one render until its retention ends."""
    months = RETENTION_DAYS / 30
    rows = row_bytes + LISTED_BYTES + ITEM_OVERHEAD_BYTES
    # The table of the data keys has no point-in-time recovery.
    keys = key_bytes + ITEM_OVERHEAD_BYTES if key_bytes else 0
    row_price = rows * (TABLE_GB_MONTH + RECOVERY_GB_MONTH) + keys * TABLE_GB_MONTH
    return row_price * months / 1e9


_STORED = S3_PUT + S3_GET + DOCUMENT_KB / 1e6 * RETENTION_DAYS / 30 * S3_GB_MONTH
"""The price of one document in S3: written once, stored, read once."""


def _bill(
    inputs: dict[str, Any],
    flow: Mapping[str, float],
    millions: float,
    *,
    messages: float = 0,
    kept: float = 0,
    storage: float = 0,
    document_kb: float = DOCUMENT_KB,
) -> list[Price]:
    """The prices of a million times a flow.

    Args:
        messages: SQS messages of one document.
        kept: the price of the rows of one document.
        storage: the price of S3 for one document.
        document_kb: what is sent to the internet.
    """
    million, requests = 1e6, flow["authorize"]
    works = [(name, inputs[name], times) for name, times in flow.items()]
    months = RETENTION_DAYS / 30
    lines = requests * inputs["access_log"]["bytes"] + sum(
        times * work["logBytes"] / work.get("renders", 1) for _, work, times in works
    )
    waits = {name: duration(of, inputs[of]) for name, of in WAITS_FOR.items() if name in flow}
    compute_price = sum(
        times * compute(name, work, waits.get(name, 0)) for name, work, times in works
    )
    prices = [
        Price("API Gateway", gateway(millions) * requests),
        Price("Lambda", million * compute_price),
        Price("DynamoDB", million * (sum(times * table(work) for _, work, times in works) + kept)),
        # A message is sent, received and deleted once.
        Price("SQS", million * messages * 3 * QUEUE_REQUEST),
        Price("S3", million * storage),
        Price(
            "CloudWatch logs",
            million * lines / 1e9 * (LOG_GB + LOG_GB_MONTH * LOG_COMPRESSION * months),
        ),
        Price("X-Ray", million * requests * TRACED * TRACE),
        Price("WAF", million * requests * FIREWALL_REQUEST),
        Price("KMS", 0.0),
        Price("Transfer", million * document_kb / 1e6 * TRANSFER_GB),
    ]
    return [price for price in prices if document_kb or price.dollars]


def request_log(inputs: dict[str, Any]) -> list[Price]:
    """A million rows of the request log: write, time after the response, storage."""
    million, size = 1e6, inputs["request_row"]["bytes"]
    seconds = AFTER_RESPONSE_MILLISECONDS / 1000
    stored = million * (size + ITEM_OVERHEAD_BYTES) / 1e9 * REQUEST_LOG_DAYS / 30
    return [
        Price("One write per request", million * ceil(size / 1024) * WRITE_UNIT),
        Price("Lambda, after the response", million * 0.5 * seconds * LAMBDA_GB_SECOND),
        Price("Storage and recovery", stored * (TABLE_GB_MONTH + RECOVERY_GB_MONTH)),
    ]


def used(stage: str) -> list[Price]:
    """The monthly fixed costs that a stage adds to `idle` when it receives requests."""
    if stage not in ("staging", "prod"):
        return []
    return [
        Price("Custom metrics", METRIC_SERIES * METRIC_MONTH),
        Price("The tables' key", KEY_REQUESTS * KEY_REQUEST),
    ]


def _seals() -> str:
    return (
        f"A stage with seals (`SealKeySpec`) pays {KEY_MONTH:.2f} US$ a month for the key, and "
        f"{SIGN_REQUEST * 1e6:.2f} US$ for a million seals with a key of the kind ECC_NIST_P256, "
        f"RSA_3072 or RSA_4096, {KEY_REQUEST * 1e6:.2f} US$ with RSA_2048 (AWS KMS: one `Sign` per "
        "document, https://aws.amazon.com/kms/pricing/). A stage without seals has no key. The "
        "timestamp server has its own price. A seal takes about 15 ms more of the worker."
    )


def idle(stage: str) -> list[Price]:
    """The monthly costs of a stage without requests."""
    prices = [
        Price("Three secrets", 3 * SECRET_MONTH),
        Price("The vault's key", KEY_MONTH),
        # They start every minute; each asks the partitions of its index and ends.
        Price("Requeuers", 2 * 43_800 * (LAMBDA_REQUEST + 0.5 * 0.1 * LAMBDA_GB_SECOND)),
        Price("Polling five queues", POLLERS * POLLS_A_MONTH * 0.40 / 1e6),
        Price("Artifacts of past releases", ARTIFACT_GB * S3_GB_MONTH),
    ]
    if stage in ("staging", "prod"):
        prices += [
            Price("Alarms", 18 * ALARM_MONTH),
            Price("CloudWatch dashboard", BOARD_MONTH),
            Price("Firewall with five rules", FIREWALL_MONTH + 5 * RULE_MONTH),
        ]
    if stage == "prod":
        gigabytes = (2 * 512 + 2 * 1769) / 1024
        held = KEPT * gigabytes * 2_628_000 * SNAPSTART_GB_SECOND
        prices.append(Price("SnapStart snapshots of two versions", held))
    return prices


def gateway(millions: float) -> float:
    """The average price of a million requests at this many millions per month."""
    total, below = 0.0, 0.0
    for limit, price in GATEWAY_TIERS:
        part = max(0.0, min(millions * 1e6, limit) - below)
        total, below = total + part / 1e6 * price, limit
    return total / millions


def compute(function: str, measured: dict[str, Any], waited: float = 0) -> float:
    """The Lambda price per render.

    Args:
        waited: milliseconds of another invocation that this one waits for.
    """
    seconds = ceil(duration(function, measured) + waited) / 1000
    price = LAMBDA_REQUEST + _memory(function) / 1024 * seconds * LAMBDA_GB_SECOND
    return float(price / measured.get("renders", 1))


def duration(function: str, measured: dict[str, Any]) -> float:
    """Milliseconds of one invocation: own CPU time, scaled by the memory's CPU share, and waits."""
    own = measured["ownMilliseconds"]
    if function.startswith("render_document"):
        own += TYPST_MILLISECONDS * measured.get("renders", 1)
    waited = sum(
        count * WAIT_MILLISECONDS.get(call.partition(":")[0], 0.0)
        for call, count in measured["calls"].items()
    )
    if function == "deliver_webhook":
        waited += RECEIVER_MILLISECONDS
    return float(own * FULL_CPU_MB / _memory(function) + waited)


def _memory(function: str) -> int:
    return MEMORY_MB.get(function.partition(":")[0], 512)


def table(measured: dict[str, Any]) -> float:
    writes = measured["writeUnits"] + measured["indexUnits"]
    units = measured["readUnits"] * READ_UNIT + writes * WRITE_UNIT
    return float(units / measured.get("renders", 1))


def page() -> str:
    """`docs/cost.md`."""
    inputs = json.loads(INPUTS.read_text(encoding="utf-8"))
    parts = [_HEAD]
    parts += ["## A million authorized requests", "", _table(request(inputs, 1.0)), ""]
    parts += ["## A million renders, polled once and downloaded once", ""]
    parts += [_table(render(inputs, 1.0)), "", _units(inputs), ""]
    parts += ["## A million renders, with a webhook instead of the poll", ""]
    parts += [_table(render(inputs, 1.0, NOTIFIED)), ""]
    parts += ["## A million renders, answered inline and stored", ""]
    parts += [_INLINE, "", _table(inline(inputs, is_stored=True)), ""]
    parts += ["## A million renders, answered inline and not stored", ""]
    parts += [_table(inline(inputs, is_stored=False)), ""]
    parts += ["## A million one-page documents in batches, with one ZIP download each", ""]
    parts += [_BATCH, "", _table(batch(inputs)), ""]
    parts += ["## A million requests in the request log", "", _log_table(inputs), ""]
    parts += ["## Seals", "", _seals(), ""]
    parts += ["## Per month", "", _months(inputs), "", _BREAKS]
    parts += ["## An idle stage", "", _stages_table(idle), ""]
    parts += [
        "## Fixed costs of a stage with traffic",
        "",
        _stages_table(used),
        "",
        _RIVALS,
    ]
    return "\n".join(parts)


def _table(prices: list[Price]) -> str:
    rows = [
        f"| {price.service} | {price.dollars:,.2f} | {LEVERS[price.service]} |" for price in prices
    ]
    total = sum(price.dollars for price in prices)
    return "\n".join(
        [
            "| service | US$ | how it is kept low |",
            "| --- | ---: | --- |",
            *rows,
            f"| **all** | **{total:,.2f}** | |",
        ]
    )


def _log_table(inputs: dict[str, Any]) -> str:
    prices = request_log(inputs)
    return "\n".join(
        [
            "The tables above and below do not include the request log.",
            "",
            "| part | US$ |",
            "| --- | ---: |",
            *(f"| {price.service} | {price.dollars:,.2f} |" for price in prices),
            f"| **all** | **{sum(price.dollars for price in prices):,.2f}** |",
        ]
    )


def _units(inputs: dict[str, Any]) -> str:
    """The table of DynamoDB units and log bytes per render, by function."""
    rows = [
        f"| {name} | {work['writeUnits'] / work.get('renders', 1):g} "
        f"| {work['indexUnits'] / work.get('renders', 1):g} "
        f"| {work['readUnits'] / work.get('renders', 1):g} "
        f"| {work['logBytes'] / work.get('renders', 1):,.0f} |"
        for name, work in inputs.items()
        if "writeUnits" in work
    ]
    head = [
        "Measured for one render, by function:",
        "",
        "| function | write units | index write units | read units | log bytes |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    return "\n".join([*head, *rows])


def _months(inputs: dict[str, Any]) -> str:
    standing = sum(price.dollars for price in (*idle("prod"), *used("prod")))
    rows = [
        "| per month | requests, US$ | renders, US$ | one render, US¢ |",
        "| --- | ---: | ---: | ---: |",
    ]
    for rate in RATES:
        millions = rate / 1e6
        asked = standing + millions * sum(p.dollars for p in request(inputs, millions))
        made = standing + millions * sum(p.dollars for p in render(inputs, millions))
        rows.append(f"| {rate:,.0f} | {asked:,.2f} | {made:,.2f} | {100 * made / rate:,.4f} |")
    return "\n".join(rows)


def _stages_table(bill: Callable[[str], list[Price]]) -> str:
    stages = ("dev", "staging", "prod")
    found = {stage: {price.service: price.dollars for price in bill(stage)} for stage in stages}
    names = dict.fromkeys(name for stage in stages for name in found[stage])
    rows = [
        f"| {name} | " + " | ".join(f"{found[stage].get(name, 0):,.2f}" for stage in stages) + " |"
        for name in names
    ]
    totals = " | ".join(f"**{sum(found[stage].values()):,.2f}**" for stage in stages)
    head = ["| US$ per month | dev | staging | prod |", "| --- | ---: | ---: | ---: |"]
    return "\n".join([*head, *rows, f"| **all** | {totals} |"])


_INLINE = (
    "The target is 25 US$, and it is missed. Such a render is a row, because a document that takes "
    "longer than 25 seconds is answered as a queued render: three writes of the row, two of its "
    "index, one of the data key and two of the count of the project's synchronous renders."
)

_BATCH = (
    f"Batches of 1,000 documents of {ONE_PAGE_KB} kB with `output: zip`, each created by one "
    "request, read ten times and downloaded once. The documents are stored twice: by chunk, and as "
    "ZIP file."
)

_HEAD = """# What it costs

This page lists what a stage costs by request, by render and by month, and which limit is reached first as traffic grows.

`make docs` generates it from [`cost-inputs.json`](cost-inputs.json). `python -m benchmarks.calls` measures these inputs with the real handlers: AWS calls, capacity units of tables and indexes, log bytes, and CPU time of a warm environment. Prices are AWS's public on-demand list for us-east-1 as of 2025-11, without free tiers and tax. Prices and assumptions (latency inside the region, sizes, the share of traced requests, 19 renders per counter in 50 seconds) are constants in `tools/cost.py`.

The target for a million renders that are polled once and downloaded once is 40 US$. The charge of a project's rate is measured for requests that are three seconds apart: one write covers the requests of 30 seconds in one environment.

Not included: staff, the support plan, and test traffic.
"""  # noqa: E501 a paragraph of Markdown is one line

_BREAKS = """## Which limit is reached first

| renders | first limit | name in Service Quotas | what to change |
| --- | --- | --- | --- |
| 1,000 per month | none; the fixed costs are the bill | | `Firewall` (`infrastructure/edge.yaml`) and `Alarms` (`infrastructure/monitoring.yaml`) in prod only: −15 US$ for staging |
| 1 million per month (0.4 per second; peak 40) | none | | fewer routes behind the firewall's rules |
| 100 million per month (40 per second; peak 400) | the live pool, at 100 workers of about 60 ms | Lambda: *Concurrent executions* (1,000) | `WorkerConcurrency` in `StageConfig`, after raising the quota |
| 1 billion per month (400 per second; peak 4,000) | API Gateway, then Lambda, then the tables | API Gateway: *Throttle rate* (10,000 per second for each account and region) · Lambda: *Concurrent executions* · DynamoDB: *Table-level write throughput* (40,000 units on demand) | several accounts by project; WAF logs to S3; a savings plan for compute (−17 %); provisioned tables with auto scaling (about −60 % of DynamoDB); documents behind a CDN, `RetentionDays` down |
| any | one key or project that causes 1,000 writes per second to one partition | | a key for each workload; `craftkit limits` for the project |

At a billion renders, API Gateway is half of the cost of a request. An HTTP API would halve that, but supports neither custom gateway responses nor AWS WAF.
"""  # noqa: E501 as above

_RIVALS = """## Prices of other services

Public list prices as of 2026-11-24, from the pages named.

| service | plan | one document, US¢ | a million documents, US$ | source |
| --- | --- | ---: | ---: | --- |
| DocRaptor | Professional, beyond its 325 | 9 | 90,000 | docraptor.com/documentation/article/1273806-how-overage-works |
| DocRaptor | Gold, beyond its quota | 2.25 | 22,500 | the same |
| Rynko | Scale, 149 US$ for 12,000 | 1.24 | 12,417 | docs.rynko.dev/webapp/billing |
| PDF-Sign | Scale, 59 € for 15,000 | 0.39 (€) | 3,933 (€) | docs.pdf-sign.com/docs/rate-limits |
| Kikidoc | Pro, 15 US$ for 15,000 | 0.10 | 1,000 | kikidoc-docs.pages.dev/pricing |

These plans include operation and support; the numbers above are AWS costs only.
"""  # noqa: E501 as above
