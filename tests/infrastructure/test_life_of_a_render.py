"""What the code and the template must agree on, so that every render ends and is told."""

from typing import Any

import pytest

from craftkit.renders import lifecycle
from craftkit.stages import STAGES
from craftkit.webhooks import delivering, dispatch
from craftkit.webhooks.models import EVENT_TYPES
from craftkit.webhooks.policy import DEADLINE_SECONDS
from tests.chaos.cloud import folder_of
from tests.support.streams import patterns_of, source_of
from tests.support.template import Template, template

SOURCES = "AWS::Lambda::EventSourceMapping"
QUEUES = "AWS::SQS::Queue"


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest) -> Template:
    return template(request.param)


def only_pattern(source: str) -> Any:
    [pattern] = patterns_of(template("prod"), source)
    return pattern


def test_each_event_of_the_contract_reaches_the_function_that_tells_it() -> None:
    statuses = only_pattern("RenderEventsSource")["dynamodb"]["NewImage"]["status"]["S"]
    actions = only_pattern("AuditEventsSource")["dynamodb"]["NewImage"]["action"]["S"]
    assert {f"render.{status}" for status in statuses} | set(actions) == set(EVENT_TYPES)


def test_usage_hears_of_successes_alone() -> None:
    status = only_pattern("MeterUsageSource")["dynamodb"]["NewImage"]["status"]["S"]
    assert status == ["succeeded"]


def test_a_stream_starts_at_its_beginning_and_gives_nothing_up_in_silence(stage: Template) -> None:
    for name in ("MeterUsageSource", "RenderEventsSource", "AuditEventsSource"):
        properties = stage.of_type(SOURCES)[name]
        assert properties["StartingPosition"] == "TRIM_HORIZON", name
        assert properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"], name
        assert properties["BisectBatchOnFunctionError"] is True, name
        failures = properties["DestinationConfig"]["OnFailure"]["Destination"]
        assert failures == {"Fn::GetAtt": ["StreamFailuresQueue", "Arn"]}, name


def test_a_message_stays_hidden_for_as_long_as_its_function_may_run(stage: Template) -> None:
    for name, properties in stage.of_type(SOURCES).items():
        queue, attribute = source_of(properties)
        if attribute == "Arn":
            _, function = folder_of(stage, properties["FunctionName"])
            hidden = stage.of_type(QUEUES)[queue].get("VisibilityTimeout", 30)
            assert hidden >= stage.functions[function]["Timeout"], name


def test_a_lease_outlives_its_holder_and_ends_before_the_message_is_back(stage: Template) -> None:
    for pool in ("Live", "Test"):
        timeout = stage.functions[f"{pool}WorkerFunction"]["Timeout"]
        hidden = stage.of_type(QUEUES)[f"{pool}Queue"]["VisibilityTimeout"]
        assert timeout < lifecycle.LEASE.total_seconds() < hidden
    timeout = stage.functions["DeliverWebhookFunction"]["Timeout"]
    assert DEADLINE_SECONDS < timeout < delivering.LEASE.total_seconds()
    assert delivering.LEASE < dispatch.GRACE


def test_every_queue_that_is_read_has_somewhere_for_its_remains(stage: Template) -> None:
    queues = stage.of_type(QUEUES)
    remains = {
        queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        for queue in queues.values()
        if "RedrivePolicy" in queue
    }
    for name, properties in stage.of_type(SOURCES).items():
        queue, attribute = source_of(properties)
        if attribute == "Arn" and queue not in remains:
            assert "RedrivePolicy" in queues[queue], name


def test_what_waits_for_an_operator_waits_for_two_weeks(stage: Template) -> None:
    for name, queue in stage.of_type(QUEUES).items():
        assert queue["MessageRetentionPeriod"] == 14 * 86_400, name


@pytest.mark.parametrize("name", STAGES)
def test_only_the_local_stage_sends_webhooks_to_private_addresses(name: str) -> None:
    environment = template(name).environment("DeliverWebhookFunction")
    assert environment["PRIVATE_WEBHOOKS"] == ("true" if name == "local" else "false")


def test_who_opens_a_sealed_secret_may_not_seal_one() -> None:
    prod = template("prod")
    for name in ("DeliverWebhookFunction", "ReceiveHookFunction"):
        statements = repr(prod.functions[name]["Policies"])
        assert "kms:Decrypt" in statements
        assert "kms:Encrypt" not in statements
