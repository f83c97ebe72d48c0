"""Logs and metrics, made once. Never a key, a token or a caller's data goes through here."""

import sys

from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit

NAMESPACE = "Craftkit"

logger = Logger(service="craftkit", stream=sys.stderr)


def count(name: str, **dimensions: str) -> None:
    """Add one to a metric. Dimensions take few values each: a route, a code, a mode."""
    with single_metric(name=name, unit=MetricUnit.Count, value=1, namespace=NAMESPACE) as metric:
        for dimension, value in dimensions.items():
            metric.add_dimension(name=dimension, value=value)
