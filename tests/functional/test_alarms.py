"""The metrics of every alarm exist: our code or AWS writes them with the same dimensions."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from craftkit.observability import count
from craftkit.typesetter import SourceError
from testkit.cloud import Cloud
from testkit.events import event
from testkit.project import DATA, make_project
from testkit.template import ROOT, Json, Part, template
from testkit.typesetter import FakeTypesetter

Metric = tuple[str, str, frozenset[tuple[str, str]]]

# What AWS itself writes, with the dimensions that it writes it under.
AWS_METRICS = {
    ("AWS/ApiGateway", "Count"): {"ApiName", "Stage"},
    ("AWS/ApiGateway", "4XXError"): {"ApiName", "Stage"},
    ("AWS/ApiGateway", "5XXError"): {"ApiName", "Stage"},
    ("AWS/ApiGateway", "Latency"): {"ApiName", "Stage"},
    ("AWS/Lambda", "Errors"): {"FunctionName"},
    ("AWS/Lambda", "Throttles"): {"FunctionName"},
    ("AWS/Lambda", "Invocations"): {"FunctionName"},
    ("AWS/Lambda", "Duration"): {"FunctionName"},
    ("AWS/Lambda", "IteratorAge"): {"FunctionName"},
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): {"QueueName"},
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): {"QueueName"},
    ("AWS/DynamoDB", "ReadThrottleEvents"): {"TableName"},
    ("AWS/DynamoDB", "WriteThrottleEvents"): {"TableName"},
    ("AWS/WAFV2", "BlockedRequests"): {"WebACL", "Region", "Rule"},
}
STAGE = template("prod", Part.MONITORING)
ALARMS = STAGE.of_type("AWS::CloudWatch::Alarm")


def read_by(alarm: Json) -> Iterator[Json]:
    """The metrics behind an alarm: its own, or those of its expression."""
    if "Metrics" in alarm:
        yield from (
            each["MetricStat"]["Metric"] for each in alarm["Metrics"] if "MetricStat" in each
        )
    else:
        yield alarm


def dimensions(metric: Json) -> dict[str, Any]:
    return {each["Name"]: each["Value"] for each in metric["Dimensions"]}


def of_the_board() -> Iterator[tuple[str, str, dict[str, str]]]:
    (board,) = STAGE.of_type("AWS::CloudWatch::Dashboard").values()
    text = board["DashboardBody"]
    text = text if isinstance(text, str) else text["Fn::Sub"]
    text = text.replace("${Stage}", "prod")
    for widget in json.loads(text)["widgets"]:
        for row in widget["properties"]["metrics"]:
            if isinstance(row[0], str):
                names = [part for part in row[2:] if isinstance(part, str)]
                yield row[0], row[1], dict(zip(names[::2], names[1::2], strict=True))


@pytest.fixture
def written(cloud: Cloud, capfd: pytest.CaptureFixture[str]) -> set[Metric]:
    """The metrics that the handlers write for key checks and renders."""
    project = make_project("live")
    for header in (None, "Bearer nonsense", f"Bearer {project.key.cleartext}"):
        authorize(cloud, header)
    authorize(cloud, f"Bearer {a_key_that_nobody_has()}")
    worker, typesetter = cloud.module("render_document"), FakeTypesetter()
    worker.typeset = typesetter
    for failure in (None, SourceError("no such variable", line=1, column=1)):
        typesetter.failure = failure
        made = event("create_render", body={"data": DATA}, principal=project.principal)
        render = json.loads(cloud.invoke("create_render", made)["body"])
        message = {"projectId": project.id, "renderId": render["id"]}
        cloud.invoke("render_document", message, function="LiveWorkerFunction")
    made = event("create_render", body={"data": DATA}, principal=project.principal)
    render = json.loads(cloud.invoke("create_render", made)["body"])
    buried = event("fail_dead_letter_renders")
    message = {"projectId": project.id, "renderId": render["id"]}
    buried["Records"][0]["body"] = json.dumps(message)
    cloud.invoke("fail_dead_letter_renders", buried)
    captured = capfd.readouterr()
    return {metric for line in (captured.out + captured.err).splitlines() for metric in emf(line)}


def authorize(cloud: Cloud, header: str | None) -> None:
    asked = event("authorize", headers={"Authorization": header})
    try:
        cloud.invoke("authorize", asked)
    except Exception as error:
        assert str(error) == "Unauthorized"


def a_key_that_nobody_has() -> str:
    from craftkit.auth.api_key import mint

    return mint("live", "local")


def emf(line: str) -> Iterator[Metric]:
    """The metrics of a log line in the embedded metric format."""
    if not line.startswith("{") or "_aws" not in (record := json.loads(line)):
        return
    for directive in record["_aws"]["CloudWatchMetrics"]:
        for names in directive["Dimensions"]:
            found = frozenset((name, str(record[name])) for name in names)
            for metric in directive["Metrics"]:
                yield directive["Namespace"], metric["Name"], found


@pytest.mark.parametrize("name", ALARMS)
def test_alarms_on_aws_metrics_use_existing_metrics(name: str) -> None:
    for metric in read_by(ALARMS[name]):
        if metric["Namespace"].startswith("AWS/"):
            wanted = AWS_METRICS[metric["Namespace"], metric["MetricName"]]
            assert set(dimensions(metric)) == wanted


def test_alarms_on_own_metrics_use_metrics_that_the_code_writes(written: set[Metric]) -> None:
    ours = [
        metric
        for alarm in ALARMS.values()
        for metric in read_by(alarm)
        if not metric["Namespace"].startswith("AWS/")
    ]
    assert ours
    for metric in ours:
        namespace = metric["Namespace"].replace("/prod", "/local")
        found = frozenset(dimensions(metric).items())
        assert (namespace, metric["MetricName"], found) in written


def test_the_dashboard_shows_metrics_that_the_code_writes(written: set[Metric]) -> None:
    ours = {(namespace, name, frozenset(names)) for namespace, name, names in shapes(written)}
    shown = [*of_the_board()]
    assert shown
    for namespace, name, found in shown:
        if namespace.startswith("AWS/"):
            assert set(found) == AWS_METRICS[namespace, name], (namespace, name)
        elif name != "WebhookAttempted":
            assert (namespace.replace("/prod", "/local"), name, frozenset(found)) in ours, name


def shapes(written: set[Metric]) -> Iterator[tuple[str, str, frozenset[str]]]:
    for namespace, name, found in written:
        yield namespace, name, frozenset(key for key, _ in found)


def test_every_alarm_has_one_section_of_the_operations_page() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    pages = set(re.findall(r"^## (\w+Alarm)$", text, re.MULTILINE))
    assert pages == set(ALARMS)
    for name, alarm in ALARMS.items():
        assert alarm["AlarmDescription"].endswith(f"docs/operations.md#{name.lower()}"), name


def test_alarms_notify_the_topic_and_exist_only_in_stages_with_alarms() -> None:
    for name, alarm in ALARMS.items():
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}], name
        assert alarm["OKActions"] == alarm["AlarmActions"], name
    assert not template("dev", Part.MONITORING).of_type("AWS::CloudWatch::Alarm")
    staging = template("staging", Part.MONITORING)
    assert staging.of_type("AWS::CloudWatch::Alarm").keys() == ALARMS.keys()


def test_a_metric_belongs_to_its_stage(cloud: Cloud, capfd: pytest.CaptureFixture[str]) -> None:
    count("Answered", route="GET /health", code="ok")
    ((namespace, name, found),) = emf(capfd.readouterr().out.strip())
    assert (namespace, name) == ("Craftkit/local", "Answered")
    assert found == {("route", "GET /health"), ("code", "ok")}
