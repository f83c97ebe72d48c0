"""The logger and the metrics. Never log a key, a token or a caller's data."""

import logging
import sys
import time
from collections.abc import Mapping
from io import TextIOBase
from typing import IO, Any, cast

from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics import MetricUnit

from craftkit.config import config

_LEFT_OUT = ("function_arn", "function_memory_size", "service")
"""Fields of Powertools that are left out: they are the same in each line of a function, and logs
are billed by size."""

_LEFT_OUT_AT_INFO = ("level", "location", "function_request_id", "function_name", "timestamp")
"""Fields that are left out at INFO. The log stream has the function's name, and CloudWatch the
time. A line without a level is INFO."""


class _Formatter(LambdaPowertoolsFormatter):
    def serialize(self, log: Any) -> str:
        for name in _LEFT_OUT:
            log.pop(name, None)
        if log.get("level") == "INFO":
            for name in _LEFT_OUT_AT_INFO:
                log.pop(name, None)
        if not log.get("cold_start", True):
            log.pop("cold_start")
        return super().serialize(log)


class _StandardError(TextIOBase):
    """Writes to the current `sys.stderr`, not to the one at import."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)


logger = Logger(
    service="craftkit", stream=cast(IO[str], _StandardError()), logger_formatter=_Formatter()
)


def count(name: str, value: int = 1, **dimensions: str) -> None:
    """Add `value` to a metric of this stage. Each dimension must have few values: a route, a mode.

    An alarm must name exactly these dimensions; a test compares them.
    """
    with single_metric(name, MetricUnit.Count, value, namespace=_namespace()) as metric:
        for dimension, one in dimensions.items():
            metric.add_dimension(name=dimension, value=one)


def log_and_count(message: str, name: str, dimensions: Mapping[str, str], **fields: object) -> None:
    """A log line at INFO that adds 1 to a metric of this stage as well, in place of two lines.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    if logger.log_level > logging.INFO:  # the line is left out; the metric must not be
        return count(name, 1, **dimensions)
    metric = {
        "Namespace": _namespace(),
        "Dimensions": [list(dimensions)],
        "Metrics": [{"Name": name}],
    }
    embedded = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [metric]}
    logger.info(message, extra={**fields, **dimensions, name: 1, "_aws": embedded})
    return None


def _namespace() -> str:
    return f"Craftkit/{config.stage}"
