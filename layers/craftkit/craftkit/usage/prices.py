"""What a render costs at AWS's public list prices: us-east-1, arm64, November 2026, no free tier.

Each item is a price times what one render uses of it; docs/cost.md says how that was measured.
"""

from dataclasses import dataclass

ASSUMED = (
    "AWS list prices of us-east-1 (arm64, November 2026, without the free tier) for a one-page "
    "document of 100 kB that is rendered synchronously and downloaded once."
)

_GB_SECOND = 0.0000133334
_REQUEST = 0.20 / 1_000_000
_GATEWAY_CALL = 3.50 / 1_000_000
_WRITE_UNIT = 0.625 / 1_000_000
_READ_UNIT = 0.125 / 1_000_000


@dataclass(frozen=True)
class Item:
    """A part of a render's price, in US dollars."""

    what: str
    per_render: float


ITEMS = (
    Item("API Gateway, two calls", 2 * _GATEWAY_CALL),
    Item("Lambda, worker: 0.25 s of 1,769 MB", 0.25 * 1769 / 1024 * _GB_SECOND + _REQUEST),
    Item(
        "Lambda, authorizer and routes: 0.4 s of 512 MB",
        0.4 * 512 / 1024 * _GB_SECOND + 6 * _REQUEST,
    ),
    Item("DynamoDB: 16 write units, 8 read units", 16 * _WRITE_UNIT + 8 * _READ_UNIT),
    Item("S3: one write, one read, 100 kB for 30 days", 5e-6 + 4e-7 + 100 / 1_000_000 * 0.023),
    Item("Data out, 100 kB", 100 / 1_000_000 * 0.09),
)


def cost_of(renders: int) -> float:
    """In US dollars."""
    return renders * sum(item.per_render for item in ITEMS)
