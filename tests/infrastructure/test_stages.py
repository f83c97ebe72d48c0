"""A stage's domains, firewall, canaries and backups."""

import json
import re
from typing import Any

import pytest

from craftkit.stages import STAGES
from deployment.bootstrap import TEMPLATE as BOOTSTRAP
from deployment.template import read_template
from testkit.template import Part, Template, template

DEPLOYED_WITH_CARE = ("staging", "prod")
DOMAINS = {
    "PublicUrl": "https://api.example.com",
    "PagesUrl": "https://app.example.com",
    "EmbedUrl": "https://embed.example.com",
    "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/a",
}


def with_domains(part: Part) -> Template:
    return Template(template("prod", part).document, Stage="prod", **DOMAINS)


def text_of(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


class TestGradualDeploys:
    def test_staging_and_prod_deploy_with_a_canary_of_10_percent(self) -> None:
        for name in STAGES:
            for function, properties in template(name).functions.items():
                preference = properties["DeploymentPreference"]
                careful = name in DEPLOYED_WITH_CARE and function != "CheckDeploymentFunction"
                assert preference["Enabled"] is careful, (name, function)
                assert preference["Type"] == "Canary10Percent5Minutes"

    def test_a_version_is_probed_before_it_receives_traffic(self) -> None:
        for properties in template("prod").functions.values():
            hooks = properties["DeploymentPreference"]["Hooks"]
            assert hooks == {"PreTraffic": {"Ref": "CheckDeploymentFunction"}}

    def test_rollback_alarms_exist_in_stages_with_canaries(self) -> None:
        for name in DEPLOYED_WITH_CARE:
            alarms = template(name, Part.MONITORING).of_type("AWS::CloudWatch::Alarm").values()
            (wanted,) = {
                text_of(properties["DeploymentPreference"]["Alarms"])
                for properties in template(name).functions.values()
            }
            names = json.loads(wanted)
            assert len(names) == 2
            assert set(names) <= {alarm["AlarmName"] for alarm in alarms if "AlarmName" in alarm}

    def test_without_rollback_alarms_a_deployment_group_names_none(self) -> None:
        ungated = Template(template("prod").document, Stage="prod", RollbackAlarms="false")
        for properties in ungated.functions.values():
            assert properties["DeploymentPreference"]["Alarms"] == []

    def test_the_pre_traffic_hook_does_not_reference_an_alias(self) -> None:
        """Every alias depends on its deployment group, which depends on the hook."""
        assert ".Alias" not in text_of(template("prod").functions["CheckDeploymentFunction"])

    def test_the_hook_has_the_name_that_codedeploy_may_invoke(self) -> None:
        hook = template("prod").functions["CheckDeploymentFunction"]
        assert hook["FunctionName"] == "CodeDeployHook_craftkit-prod"


class TestFirewall:
    def test_the_firewall_exists_in_staging_and_prod(self) -> None:
        for name in STAGES:
            edge = template(name, Part.EDGE)
            kinds = {resource["Type"] for resource in edge.resources.values()}
            assert ("AWS::WAFv2::WebACL" in kinds) == (name in DEPLOYED_WITH_CARE), name
            assert ("AWS::WAFv2::WebACLAssociation" in kinds) == (name in DEPLOYED_WITH_CARE)

    def test_the_firewall_is_associated_with_every_api(self) -> None:
        """WAF protects stages of REST APIs, and no HTTP APIs."""
        assert not template("prod").of_type("AWS::Serverless::HttpApi")
        guarded = {
            text_of(association["ResourceArn"])
            for association in template("prod", Part.EDGE)
            .of_type("AWS::WAFv2::WebACLAssociation")
            .values()
        }
        for api, stage in (
            ("ApiId", "${Stage}"),
            ("DashboardApiId", "dashboard"),
            ("EmbedApiId", "${Stage}"),
        ):
            assert any(f"/restapis/${{{api}}}/stages/{stage}" in arn for arn in guarded), guarded
        assert len(guarded) == len(template("prod").of_type("AWS::Serverless::Api"))

    def test_the_firewall_limits_each_address_and_does_not_block_on_body_content(self) -> None:
        (firewall,) = template("prod", Part.EDGE).of_type("AWS::WAFv2::WebACL").values()
        rules = {rule["Name"]: rule for rule in firewall["Rules"]}
        rate = rules["OneAddress"]["Statement"]["RateBasedStatement"]
        assert (rate["AggregateKeyType"], rules["OneAddress"]["Action"]) == ("IP", {"Block": {}})
        managed = rules["KnownAttacks"]["Statement"]["ManagedRuleGroupStatement"]
        counted = {
            rule["Name"]
            for rule in managed["RuleActionOverrides"]
            if "Count" in rule["ActionToUse"]
        }
        assert {name for name in counted if name.endswith("_BODY")} == {
            "SizeRestrictions_BODY",
            "CrossSiteScripting_BODY",
            "GenericLFI_BODY",
            "GenericRFI_BODY",
            "EC2MetaDataSSRF_BODY",
        }
        priorities = [rule["Priority"] for rule in firewall["Rules"]]
        assert priorities == sorted(set(priorities))

    def test_the_firewall_log_contains_no_secret(self) -> None:
        (log,) = template("prod", Part.EDGE).of_type("AWS::WAFv2::LoggingConfiguration").values()
        redacted = text_of(log["RedactedFields"])
        for field in ("authorization", "cookie", "UriPath", "QueryString"):
            assert field in redacted


class TestThrottles:
    def test_open_routes_of_the_dashboard_do_not_share_the_signed_in_pages_throttle(
        self, stage: Template
    ) -> None:
        """A throttle of a REST API's stage counts each method of each resource by itself."""
        routes = {
            f"{event['Properties']['Method']} {event['Properties']['Path']}"
            for event in stage.functions["DashboardFunction"]["Events"].values()
        }
        signed_in = {"ANY /", "ANY /{proxy+}"}
        assert routes - signed_in == {
            "GET /sign-in",
            "GET /signed-in",
            "GET /signed-out",
            "GET /static/{digest}/{name}",
        }
        (throttle,) = stage.of_type("AWS::Serverless::Api")["DashboardApi"]["MethodSettings"]
        assert (throttle["ResourcePath"], throttle["HttpMethod"]) == ("/*", "*")
        assert 0 < throttle["ThrottlingRateLimit"] <= throttle["ThrottlingBurstLimit"]


class TestAccessLogs:
    def formats(self) -> list[str]:
        prod = template("prod")
        apis = prod.of_type("AWS::Serverless::Api").values()
        assert len(apis) == 3
        return [api["AccessLogSetting"]["Format"] for api in apis]

    def test_an_access_log_line_is_json_with_request_ids(self) -> None:
        for form in self.formats():
            line = json.loads(form)
            assert line["requestId"] == "$context.requestId"
            assert {"status", "route", "latencyMs", "ip"} <= set(line)

    def test_an_access_log_line_has_no_header_query_or_path(self) -> None:
        allowed = {"resourcePath"}
        for form in self.formats():
            variables = set(re.findall(r"\$context\.([\w.]+)", form))
            assert not {v for v in variables if "path" in v.lower()} - allowed
            for word in ("authorization", "header", "query", "cookie", "body", "apiKey"):
                assert word.lower() not in form.lower()


class TestDomains:
    def test_without_a_certificate_there_are_no_domains(self, stage: Template) -> None:
        edge = template(stage.stage, Part.EDGE)
        kinds = {resource["Type"] for resource in edge.resources.values()}
        assert not {kind for kind in kinds if "Domain" in kind and "ApiGateway" in kind}
        for api in stage.of_type("AWS::Serverless::Api").values():
            assert api["DisableExecuteApiEndpoint"] is False

    def test_with_a_certificate_each_api_has_a_host_with_tls_1_2(self) -> None:
        prod = with_domains(Part.EDGE)
        api, embed = prod.of_type("AWS::ApiGateway::DomainName").values()
        assert embed["SecurityPolicy"] == "TLS_1_2"
        assert text_of(embed["DomainName"]).count("https://embed.example.com") == 1
        (pages,) = prod.of_type("AWS::ApiGatewayV2::DomainName").values()
        assert api["SecurityPolicy"] == "TLS_1_2"
        assert text_of(api["DomainName"]).count("https://api.example.com") == 1
        (configuration,) = pages["DomainNameConfigurations"]
        assert configuration["SecurityPolicy"] == "TLS_1_2"
        assert text_of(pages["DomainName"]).count("https://app.example.com") == 1

    def test_with_a_certificate_the_default_endpoints_are_disabled(
        self,
    ) -> None:
        prod = with_domains(Part.APPLICATION)
        for api in prod.of_type("AWS::Serverless::Api").values():
            assert api["DisableExecuteApiEndpoint"] is True

    def test_the_dashboard_has_the_same_paths_with_a_domain_and_without(self) -> None:
        """Its pages link to /dashboard/…: the name of the API's stage, and the host's base path."""
        dashboard = template("prod").of_type("AWS::Serverless::Api")["DashboardApi"]
        (mapping,) = with_domains(Part.EDGE).of_type("AWS::ApiGatewayV2::ApiMapping").values()
        assert dashboard["StageName"] == mapping["Stage"] == mapping["ApiMappingKey"] == "dashboard"

    def test_a_certificate_without_host_names_is_refused(self) -> None:
        for part in (Part.APPLICATION, Part.EDGE):
            (rule,) = template(part=part).document["Rules"].values()
            assert "CertificateArn" in text_of(rule["RuleCondition"])
            for parameter in ("PublicUrl", "PagesUrl", "EmbedUrl"):
                assert parameter in text_of(rule["Assertions"])


class TestBackups:
    def test_prod_backs_up_irreplaceable_tables_for_35_days(self) -> None:
        prod = template("prod", Part.DATA)
        (plan,) = prod.of_type("AWS::Backup::BackupPlan").values()
        (rule,) = plan["BackupPlan"]["BackupPlanRule"]
        assert rule["Lifecycle"] == {"DeleteAfterDays": 35}
        (selection,) = prod.of_type("AWS::Backup::BackupSelection").values()
        kept = text_of(selection["BackupSelection"]["Resources"])
        assert all(table in kept for table in ("KeysTable", "ProjectsTable", "UsageTable"))
        (vault,) = prod.of_type("AWS::Backup::BackupVault").values()
        assert vault["LockConfiguration"]["MinRetentionDays"] == 7

    def test_stages_without_important_data_have_no_backups(self) -> None:
        for name in ("local", "dev", "staging"):
            assert not template(name, Part.DATA).of_type("AWS::Backup::BackupPlan")


class TestIdleStage:
    def test_dev_has_no_resources_with_fixed_costs(self) -> None:
        """No firewall, alarms, CloudWatch dashboard, snapshots or provisioned concurrency."""
        dev = template("dev")
        resources = [each for part in Part for each in template("dev", part).resources.values()]
        kinds = {resource["Type"] for resource in resources}
        paid = ("WAFv2", "CloudWatch", "Backup", "EC2", "ElastiCache", "RDS", "NatGateway")
        assert not {kind for kind in kinds for word in paid if word in kind}
        for properties in dev.functions.values():
            assert "ProvisionedConcurrencyConfig" not in properties
            assert properties.get("SnapStart", {}).get("ApplyOn", "None") == "None"


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest) -> Template:
    return template(request.param)


def test_only_stage_config_depends_on_the_stage() -> None:
    """No other mapping, no setting in two templates, and no stage's name in a resource."""
    settings: list[str] = []
    for part in Part:
        document = template(part=part).document
        assert set(document["Mappings"]) == {"StageConfig"}
        settings += document["Mappings"]["StageConfig"]["prod"]
        assert "prod" not in text_of(document["Resources"])
        assert "staging" not in text_of(document["Resources"])
    assert len(settings) == len(set(settings))


def test_each_parameter_is_set_by_an_operator_or_an_earlier_stacks_output() -> None:
    """A reference that a deployment cannot resolve fails at the first deployment."""
    persons = {"Stage", *DOMAINS, "AlarmEmail", "MailSender", "ScannerKeysUrl", "AwsEndpointUrl"}
    persons |= {"SealKeySpec", "TimestampUrl"}
    persons |= {"DeletionProtection", "ReservedConcurrency", "RollbackAlarms"}
    persons |= set(read_template(BOOTSTRAP)["Outputs"])
    outputs: set[str] = set()
    for part in Part:
        document = template(part=part).document
        assert set(document["Parameters"]) <= persons | outputs, part
        outputs |= set(document["Outputs"]) if "Outputs" in document else set()


def test_no_two_stacks_have_a_resource_of_the_same_name() -> None:
    names = [name for part in Part for name in template(part=part).document["Resources"]]
    assert len(names) == len(set(names))


def test_the_application_stack_has_no_resources_with_data() -> None:
    """A failed or deleted application stack cannot touch data."""
    kinds = {each["Type"] for each in template("prod").document["Resources"].values()}
    data = {each["Type"] for each in template("prod", Part.DATA).document["Resources"].values()}
    assert not kinds & (data - {"AWS::IAM::Role"})


class TestFirstCreate:
    def test_without_deletion_protection_a_failed_creation_can_be_rolled_back(self) -> None:
        document = template("prod", Part.DATA).document
        first = Template(document, Stage="prod", DeletionProtection="false")
        for name, table in first.of_type("AWS::DynamoDB::Table").items():
            assert table["DeletionProtectionEnabled"] is False, name
        (pool,) = first.of_type("AWS::Cognito::UserPool").values()
        assert pool["DeletionProtection"] == "INACTIVE"
        kept = [each for each in document["Resources"].values() if "DeletionPolicy" in each]
        assert {each["DeletionPolicy"] for each in kept} == {"RetainExceptOnCreate"}

    def test_after_the_deployment_prods_tables_and_user_pool_are_protected(self) -> None:
        prod = template("prod", Part.DATA)
        for name, table in prod.of_type("AWS::DynamoDB::Table").items():
            assert table["DeletionProtectionEnabled"] is True, name
        (pool,) = prod.of_type("AWS::Cognito::UserPool").values()
        assert pool["DeletionProtection"] == "ACTIVE"
