"""Timeouts, queues and filters in the template match the code, so that every render ends."""

from typing import Any

import pytest

from craftkit.renders import lifecycle
from craftkit.stages import STAGES
from craftkit.webhooks import delivering, dispatch
from craftkit.webhooks.models import EVENT_TYPES
from craftkit.webhooks.policy import DEADLINE_SECONDS
from testkit.streams import patterns_of, source_of
from testkit.template import Template, template
from tests.chaos.cloud import folder_of

SOURCES = "AWS::Lambda::EventSourceMapping"
QUEUES = "AWS::SQS::Queue"


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest) -> Template:
    return template(request.param)


def only_pattern(source: str) -> Any:
    [pattern] = patterns_of(template("prod"), source)
    return pattern


def test_stream_filters_match_each_webhook_event() -> None:
    statuses = only_pattern("RenderEventsSource")["dynamodb"]["NewImage"]["status"]["S"]
    actions = only_pattern("AuditEventsSource")["dynamodb"]["NewImage"]["action"]["S"]
    batches = only_pattern("BatchEventsSource")["dynamodb"]["NewImage"]["status"]["S"]
    of_status = {f"render.{status}" for status in statuses}
    of_status |= {f"batch.{status}" for status in batches}
    assert of_status | set(actions) == set(EVENT_TYPES)


def test_the_usage_stream_filter_matches_succeeded_renders_only() -> None:
    status = only_pattern("MeterUsageSource")["dynamodb"]["NewImage"]["status"]["S"]
    assert status == ["succeeded"]


def test_streams_start_at_trim_horizon_and_have_a_failure_destination(stage: Template) -> None:
    for name in (
        "MeterUsageSource",
        "MeterBatchesSource",
        "RenderEventsSource",
        "BatchEventsSource",
        "AuditEventsSource",
    ):
        properties = stage.of_type(SOURCES)[name]
        assert properties["StartingPosition"] == "TRIM_HORIZON", name
        assert properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"], name
        assert properties["BisectBatchOnFunctionError"] is True, name
        failures = properties["DestinationConfig"]["OnFailure"]["Destination"]
        assert failures == {"Fn::GetAtt": ["StreamFailuresQueue", "Arn"]}, name


def test_a_message_stays_hidden_for_six_times_its_functions_timeout(stage: Template) -> None:
    """As AWS recommends, for retries of throttled batches.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    """
    for name, properties in stage.of_type(SOURCES).items():
        queue, attribute = source_of(properties)
        if attribute == "Arn":
            _, function = folder_of(stage, properties["FunctionName"])
            hidden = stage.of_type(QUEUES)[queue].get("VisibilityTimeout", 30)
            assert hidden >= 6 * stage.functions[function]["Timeout"], name


def test_a_lease_is_longer_than_the_timeout_and_shorter_than_the_visibility_timeout(
    stage: Template,
) -> None:
    for pool in ("Live", "Test"):
        timeout = stage.functions[f"{pool}WorkerFunction"]["Timeout"]
        hidden = stage.of_type(QUEUES)[f"{pool}Queue"]["VisibilityTimeout"]
        assert timeout < lifecycle.LEASE.total_seconds() < hidden
    timeout = stage.functions["DeliverWebhookFunction"]["Timeout"]
    assert DEADLINE_SECONDS < timeout < delivering.LEASE.total_seconds()
    assert delivering.LEASE < dispatch.GRACE


def test_every_consumed_queue_has_a_dead_letter_queue(stage: Template) -> None:
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


def test_messages_for_an_operator_are_kept_for_14_days(stage: Template) -> None:
    for name, queue in stage.of_type(QUEUES).items():
        assert queue["MessageRetentionPeriod"] == 14 * 86_400, name


@pytest.mark.parametrize("name", STAGES)
def test_only_the_local_stage_sends_webhooks_to_private_addresses(name: str) -> None:
    environment = template(name).environment("DeliverWebhookFunction")
    assert environment["PRIVATE_WEBHOOKS"] == ("true" if name == "local" else "false")


def test_functions_that_decrypt_secrets_cannot_encrypt() -> None:
    prod = template("prod")
    for name in ("DeliverWebhookFunction", "ReceiveHookFunction"):
        statements = repr(prod.functions[name]["Policies"])
        assert "kms:Decrypt" in statements
        assert "kms:Encrypt" not in statements


def test_throttled_receives_do_not_end_a_render(stage: Template) -> None:
    for pool in ("Live", "Test"):
        queue = stage.of_type(QUEUES)[f"{pool}Queue"]
        seconds = queue["RedrivePolicy"]["maxReceiveCount"] * queue["VisibilityTimeout"]
        assert seconds >= 3600, pool


class TestReservedConcurrency:
    """A flood of one kind of request cannot use up the concurrency of another."""

    POOLS = (
        "AuthorizeFunction",
        "LiveWorkerFunction",
        "TestWorkerFunction",
        "CompileTemplateFunction",
        "ValidateInvoiceFunction",
    )

    def reserved(self, of: Template) -> dict[str, int]:
        return {
            name: properties["ReservedConcurrentExecutions"]
            for name, properties in of.functions.items()
            if "ReservedConcurrentExecutions" in properties
        }

    def test_reserved_concurrency_is_set_for_authorizer_pools_and_compiler(self) -> None:
        for name in ("staging", "prod"):
            assert set(self.reserved(template(name))) == set(self.POOLS), name

    def test_a_pools_reserved_concurrency_covers_its_queues_maximum(self) -> None:
        for name in ("staging", "prod"):
            reserved = self.reserved(template(name))
            sources = template(name).of_type(SOURCES)
            for pool in ("Live", "Test"):
                at_once = sources[f"{pool}WorkerSource"]["ScalingConfig"]["MaximumConcurrency"]
                assert reserved[f"{pool}WorkerFunction"] >= at_once, (name, pool)

    def test_the_quota_of_an_account_leaves_room_for_the_rest(self) -> None:
        """1,000 executions an account and region, of which 100 must stay unreserved."""
        assert sum(self.reserved(template("prod")).values()) <= 1000 - 100

    def test_dev_and_accounts_with_a_small_quota_reserve_no_concurrency(self) -> None:
        for name in ("local", "dev"):
            assert not self.reserved(template(name))
        small = Template(template("prod").document, Stage="prod", ReservedConcurrency="false")
        assert not self.reserved(small)
