"""Logs and metrics, made once. Never a key, a token or a caller's data goes through here."""

import sys

from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit

from craftkit.config import config

logger = Logger(service="craftkit", stream=sys.stderr)


def count(name: str, value: int = 1, **dimensions: str) -> None:
    """Add `value` to a metric of this stage. Dimensions take few values each: a route, a mode.

    An alarm reads exactly the dimensions that are written here; a test holds the two together.
    """
    namespace = f"Craftkit/{config.stage}"
    with single_metric(name, MetricUnit.Count, value, namespace=namespace) as metric:
        for dimension, one in dimensions.items():
            metric.add_dimension(name=dimension, value=one)
