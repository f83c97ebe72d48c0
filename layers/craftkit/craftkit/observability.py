"""Logs and metrics, made once. Never a key, a token or a caller's data goes through here."""

import sys

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

# Standard error, as the metrics stay on standard output: one stream a kind, both in CloudWatch.
logger = Logger(service="craftkit", stream=sys.stderr)
metrics = Metrics(namespace="Craftkit", service="craftkit")


def count(name: str, **dimensions: str) -> None:
    """Add one to a metric, under dimensions of its own (few values each: a code, a mode)."""
    with_dimensions = metrics if not dimensions else _metrics_of(dimensions)
    with_dimensions.add_metric(name=name, unit=MetricUnit.Count, value=1)
    if dimensions:
        with_dimensions.flush_metrics()


def _metrics_of(dimensions: dict[str, str]) -> Metrics:
    from aws_lambda_powertools.metrics import EphemeralMetrics

    separate = EphemeralMetrics(namespace="Craftkit", service="craftkit")
    for name, value in dimensions.items():
        separate.add_dimension(name=name, value=value)
    return separate  # type: ignore[return-value]
