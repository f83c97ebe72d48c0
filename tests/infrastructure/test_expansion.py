"""Finds errors and missing protection in the expanded templates.

SAM's transform runs locally, and the result is compared with AWS's documentation.
"""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from craftkit.stages import STAGES
from testkit.expansion import expanded, expansion, of_type, versions
from testkit.template import Json, Part, Template, template

# docs/decisions/stacks.md says what to do when this is reached.
MOST_RESOURCES = 450  # of 500: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
DOMAINS = {
    "PublicUrl": "https://api.example.com",
    "PagesUrl": "https://app.example.com",
    "EmbedUrl": "https://embed.example.com",
    "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/a",
}
BOOTSTRAP = Part.DATA.template.with_name("bootstrap.yaml")
# A Ref to one of these is several values joined: no metric has it as a dimension.
COMPOSITE_REFS = {"AWS::WAFv2::WebACL", "AWS::Lambda::Version", "AWS::Backup::BackupPlan"}


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def resources_of(stage: str) -> dict[Part, Json]:
    """The resources of each stack of the stage, expanded where SAM expands them."""
    found: dict[Part, Json] = {}
    for part in Part:
        if part is Part.APPLICATION:
            found[part] = expansion(stage)["Resources"]
        else:
            found[part] = template(stage, part).resources
    return found


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)
    elif isinstance(value, str):
        yield value


class TestResources:
    def test_a_stack_stays_well_below_the_limit(self, stage: str) -> None:
        for part, resources in resources_of(stage).items():
            assert len(resources) <= MOST_RESOURCES, part

    def test_the_service_of_an_arn_is_literal(self, stage: str) -> None:
        """IAM refuses `arn:aws:*:…`: "Resource vendor must be fully qualified"."""
        arns = [
            text
            for resources in resources_of(stage).values()
            for text in texts(resources)
            if text.startswith("arn:")
        ]
        assert len(arns) > 20
        for arn in arns:
            service = re.sub(r"\$\{[^}]*\}", "X", arn).split(":")[2]
            assert re.fullmatch(r"[a-z][a-z0-9-]*", service), arn


class TestGateways:
    def test_the_api_has_one_stage_and_the_firewall_is_in_front_of_it(self, stage: str) -> None:
        made = expansion(stage)
        for name, deployment in of_type(made, "AWS::ApiGateway::Deployment").items():
            assert "StageName" not in deployment, name
        stages = of_type(made, "AWS::ApiGateway::Stage").values()
        assert len(stages) == len(of_type(made, "AWS::ApiGateway::RestApi")) == 3
        for api_stage in stages:
            is_dashboard = api_stage["RestApiId"]["Ref"] == "DashboardApi"
            named = ("dashboard",) if is_dashboard else ({"Ref": "Stage"}, stage)
            assert api_stage["StageName"] in named

    def test_each_rest_api_is_behind_the_firewall_and_has_a_throttle_of_its_own(
        self, stage: str
    ) -> None:
        """One address is blocked before it can use up the throttle of a stage."""
        made = expansion(stage)
        edge = template(stage, Part.EDGE)
        guarded = json.dumps(edge.of_type("AWS::WAFv2::WebACLAssociation"))
        for api_stage in of_type(made, "AWS::ApiGateway::Stage").values():
            api = api_stage["RestApiId"]["Ref"]
            if stage in ("staging", "prod"):
                assert f"/restapis/${{{api}Id}}/stages/" in guarded, api
            throttle, *_ = api_stage["MethodSettings"]
            rate, burst = throttle["ThrottlingRateLimit"], throttle["ThrottlingBurstLimit"]
            assert "FindInMap" in json.dumps(rate) or rate > 0
            assert "FindInMap" in json.dumps(burst) or burst > 0
        (firewall,) = edge.of_type("AWS::WAFv2::WebACL").values() or [None]
        if firewall:
            (rule,) = [each for each in firewall["Rules"] if each["Name"] == "OneAddress"]
            limit = rule["Statement"]["RateBasedStatement"]
            one_address = limit["Limit"] / limit["EvaluationWindowSec"]
            for api in template(stage).of_type("AWS::Serverless::Api").values():
                throttle, *_ = api["MethodSettings"]
                assert one_address < throttle["ThrottlingRateLimit"]

    def test_every_server_of_a_definition_has_a_url(self, stage: str) -> None:
        """API Gateway warns about a definition with a server without a URL."""
        document = template(stage).document
        made = expanded(document, {"Stage": stage, **DOMAINS})
        bodies = [api["Body"] for api in of_type(made, "AWS::ApiGateway::RestApi").values()]
        assert len(bodies) == 3
        for body in bodies:
            assert all("url" in server for server in body.get("servers", []))
            assert "disableExecuteApiEndpoint" in json.dumps(body)

    def test_a_warning_does_not_fail_the_first_deployment(self, stage: str) -> None:
        for api in of_type(expansion(stage), "AWS::ApiGateway::RestApi").values():
            assert not api.get("FailOnWarnings")


class TestVersions:
    """A change of a versioned property publishes a new version and updates the alias."""

    def changed(self, document: Json, **parameters: str) -> set[str]:
        """The functions whose version differs from prod's."""
        before = versions(expansion("prod"))
        after = versions(expanded(document, {"Stage": "prod", **parameters}))
        assert before.keys() == after.keys()
        return {name for name in before if before[name] != after[name]}

    def test_the_same_configuration_has_the_same_versions(self) -> None:
        assert not self.changed(template("prod").document)

    @pytest.mark.parametrize(
        ("parameter", "value", "function"),
        [
            ("PublicUrl", "https://api.example.com", "CreateRenderFunction"),
            ("PagesUrl", "https://app.example.com", "DashboardFunction"),
            ("EmbedUrl", "https://embed.example.com", "EmbedPageFunction"),
            ("ScannerKeysUrl", "https://keys.example.com", "RevokeExposedKeysFunction"),
            ("RetentionDays", "30", "CreateRenderFunction"),
            ("RendersTable", "another", "GetRenderFunction"),
        ],
    )
    def test_a_changed_parameter_publishes_versions_of_its_functions(
        self, parameter: str, value: str, function: str
    ) -> None:
        assert function in self.changed(template("prod").document, **{parameter: value})

    @pytest.mark.parametrize(
        ("setting", "value", "function"),
        [
            ("LogLevel", "DEBUG", "GetHealthFunction"),
            ("SnapStart", "None", "AuthorizeFunction"),
            ("PrivateWebhooks", "true", "DeliverWebhookFunction"),
        ],
    )
    def test_a_changed_stage_setting_publishes_versions_of_its_functions(
        self, setting: str, value: str, function: str
    ) -> None:
        document = copy.deepcopy(template("prod").document)
        document["Mappings"]["StageConfig"]["prod"][setting] = value
        assert function in self.changed(document)

    def test_a_function_without_the_changed_parameter_keeps_its_version(self) -> None:
        document = template("prod").document
        changed = self.changed(document, ScannerKeysUrl="https://keys.example.com")
        assert changed == {"RevokeExposedKeysFunction"}

    @pytest.mark.parametrize("parameter", ["RollbackAlarms", "ReservedConcurrency"])
    def test_unversioned_properties_publish_no_version(self, parameter: str) -> None:
        assert not self.changed(template("prod").document, **{parameter: "false"})

    def test_a_changed_layer_publishes_versions_of_its_functions(self) -> None:
        document = copy.deepcopy(template("prod").document)
        layer = document["Resources"]["TypesettingLayer"]["Properties"]
        layer["ContentUri"] = "s3://artifacts/another"
        assert self.changed(document) == {
            "LiveWorkerFunction",
            "TestWorkerFunction",
            "CompileTemplateFunction",
        }

    def test_the_stages_have_versions_of_their_own(self) -> None:
        dev, prod = versions(expansion("dev")), versions(expansion("prod"))
        assert dev.keys() == prod.keys()
        assert not set(dev.values()) & set(prod.values())


class TestAlarmDimensions:
    def test_alarms_reference_no_composite_refs(self, stage: str) -> None:
        monitoring = template(stage, Part.MONITORING)
        kinds = {
            name: each["Type"]
            for part in Part
            for name, each in template(part=part).document["Resources"].items()
        }
        for name, alarm in monitoring.of_type("AWS::CloudWatch::Alarm").items():
            for reference in re.findall(r'"Ref": "(\w+)"', json.dumps(alarm)):
                assert kinds.get(reference) not in COMPOSITE_REFS, (name, reference)

    def test_the_firewalls_is_the_metric_name_of_the_firewall(self) -> None:
        alarm = template("prod", Part.MONITORING).of_type("AWS::CloudWatch::Alarm")["FirewallAlarm"]
        (firewall,) = template("prod", Part.EDGE).of_type("AWS::WAFv2::WebACL").values()
        dimensions = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
        assert dimensions["WebACL"] == firewall["VisibilityConfig"]["MetricName"]
        assert dimensions["WebACL"] == firewall["Name"] == "craftkit-prod"

    def test_the_firewall_logs_to_an_arn_without_a_wildcard(self) -> None:
        edge: Template = template("prod", Part.EDGE)
        (log,) = edge.of_type("AWS::WAFv2::LoggingConfiguration").values()
        (destination,) = log["LogDestinationConfigs"]
        arn = destination["Fn::Sub"] if isinstance(destination, dict) else destination
        assert arn.endswith(":log-group:${FirewallLogGroup}")
