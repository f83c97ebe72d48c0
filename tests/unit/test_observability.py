"""One line for a log entry and its metric, without empty fields."""

import json
from typing import Any

import pytest

from craftkit.observability import log_and_count, logger
from testkit.cloud import LambdaContext, variables


@pytest.fixture
def lines(capfd: pytest.CaptureFixture[str]) -> Any:
    def read() -> list[dict[str, Any]]:
        captured = capfd.readouterr()
        printed = (captured.out + captured.err).splitlines()
        return [json.loads(line) for line in printed]

    return read


def answer(level: str) -> None:
    @logger.inject_lambda_context(clear_state=True)
    def handler(_event: dict[str, Any], _context: object) -> None:
        logger.append_keys(route="GET /health")
        dimensions = {"route": "GET /health", "code": "ok"}
        log_and_count("answered", "Answered", dimensions, status=200)

    before = logger.log_level
    logger.setLevel(level)
    try:
        with variables({"STAGE": "prod"}):
            handler({}, LambdaContext("GetHealth"))
    finally:
        logger.setLevel(before)


def test_log_and_count__one_line_is_log_and_metric(lines: Any) -> None:
    answer("INFO")
    [line] = lines()
    [metric] = line["_aws"]["CloudWatchMetrics"]
    assert metric["Namespace"] == "Craftkit/prod"
    assert metric["Dimensions"] == [["route", "code"]]
    assert metric["Metrics"] == [{"Name": "Answered"}]
    assert line["Answered"] == 1
    assert (line["route"], line["code"], line["status"]) == ("GET /health", "ok", 200)
    assert line["message"] == "answered"
    left_out = {"function_arn", "function_memory_size", "service", "location", "cold_start"}
    assert not (left_out - {"cold_start"} if line.get("cold_start") else left_out) & set(line)


def test_logger__an_error_has_its_location_and_request_id(lines: Any) -> None:
    @logger.inject_lambda_context(clear_state=True)
    def handler(_event: dict[str, Any], _context: object) -> None:
        logger.warning("broken")

    handler({}, LambdaContext("GetHealth"))
    [line] = lines()
    assert {"location", "function_name", "function_request_id", "timestamp"} <= set(line)


def test_log_and_count__the_metric_is_written_where_the_line_is_left_out(lines: Any) -> None:
    answer("WARNING")
    [line] = lines()
    assert "message" not in line
    assert line["Answered"] == [1.0]
