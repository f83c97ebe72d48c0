"""What a million renders cost, as docs/cost.md has it: `tools/cost.py` counts it, a test compares.

US dollars, at AWS's public list prices of us-east-1 on demand, without free tiers.
"""

A_MILLION = {
    "API Gateway": 10.50,
    "Lambda": 3.15,
    "DynamoDB": 6.33,
    "SQS": 1.50,
    "S3": 9.54,
    "CloudWatch logs": 1.57,
    "X-Ray": 0.15,
    "WAF": 1.80,
    "KMS": 0.00,
    "Transfer": 5.40,
}

ASSUMED = (
    "AWS's public list prices of us-east-1, without free tiers, for a document of 60 kB that is "
    "polled once, downloaded once and kept for 90 days."
)


def cost_of(renders: int) -> float:
    """In US dollars."""
    return renders * sum(A_MILLION.values()) / 1e6
