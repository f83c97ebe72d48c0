"""Assertions on template.yaml, in every stage."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from craftkit import errors
from craftkit.stages import STAGES
from local.docker import DASHBOARD, without_function
from testkit.template import ROOT, Json, Part, Template, statements, template

ON_AWS = [stage for stage in STAGES if stage != "local"]
PUBLIC_ROUTES = {"/health", "/v1/openapi.json", "/.well-known/jwks.json", "/v1/hooks/{token}"}
PUBLIC_ROUTES |= {"/v1/hooks", "/v1/exposed-keys", "/v1/oauth/token", "/verify"}
# Codes of the contract that no code of ours has to raise, so far.
GATEWAYS_OWN = {"permission_denied": 403, "rate_limited": 429, "timeout": 504}
# IAM's reference names no resource type for these: a policy has to say "*".
WITHOUT_RESOURCE = {"codedeploy:PutLifecycleEventHookExecutionStatus"}
WRITES = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "PartiQLInsert", "*"}


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest) -> Template:
    """The application's template, resolved for each stage."""
    return template(request.param)


@pytest.fixture
def data(stage: Template) -> Template:
    """The data stack's template in the same stage."""
    return template(stage.stage, Part.DATA)


def routes(of: Template) -> Iterator[tuple[str, Json]]:
    """Each route of the API with the function that answers it."""
    for name, properties in of.functions.items():
        for event in properties.get("Events", {}).values():
            if event["Type"] == "Api" and event["Properties"]["RestApiId"] == {"Ref": "Api"}:
                yield name, event["Properties"]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def grants(properties: Json) -> Iterator[tuple[str, Any]]:
    """All pairs of action and resource that a function's policies allow."""
    for statement in statements(properties):
        assert statement["Effect"] == "Allow"
        for action in as_list(statement["Action"]):
            for resource in as_list(statement["Resource"]):
                yield action, resource


class TestFunctions:
    def test_each_function_uses_the_shared_layer_python_3_13_and_arm64(self) -> None:
        for name, properties in template("prod").functions.items():
            assert {"Ref": "CraftkitLayer"} in properties["Layers"], name
            assert properties["Runtime"] == "python3.13", name
            assert properties["Architectures"] == ["arm64"], name

    def test_no_function_names_a_layer_twice(self) -> None:
        for name, properties in template("prod").functions.items():
            layers = [json.dumps(layer) for layer in properties["Layers"]]
            assert len(layers) == len(set(layers)), name

    def test_only_typesetting_functions_have_the_typesetting_layer(self) -> None:
        carriers = {
            properties["CodeUri"]
            for properties in template("prod").functions.values()
            if {"Ref": "TypesettingLayer"} in properties["Layers"]
        }
        assert carriers == {"functions/render_document", "functions/compile_template"}

    def test_each_function_has_an_alias_that_a_new_layer_updates(self) -> None:
        prod = template("prod")
        for name, properties in prod.functions.items():
            assert properties["AutoPublishAlias"] == "live", name
            assert properties["AutoPublishAliasAllProperties"] is True, name
        for name, layer in prod.of_type("AWS::Serverless::LayerVersion").items():
            assert layer["PublishLambdaVersion"] is True, name

    def test_each_function_logs_to_a_group_with_retention(self, stage: Template) -> None:
        groups = stage.of_type("AWS::Logs::LogGroup")
        for name, group in groups.items():
            assert group["RetentionInDays"] > 0, name
        for name, properties in stage.functions.items():
            assert properties["LoggingConfig"]["LogGroup"]["Ref"] in groups, name

    def test_each_folder_is_deployed_and_has_its_event(self) -> None:
        folders = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
        deployed = {each["CodeUri"] for each in template().functions.values()}
        assert deployed == {f"functions/{folder}" for folder in folders}
        assert folders <= {path.stem for path in (ROOT / "events").glob("*.json")}

    def test_no_function_has_an_endpoint_url_on_aws(self) -> None:
        for name in ON_AWS:
            for function in template(name).functions:
                assert "AWS_ENDPOINT_URL" not in template(name).environment(function), function
        for function in template("local").functions:
            assert "AWS_ENDPOINT_URL" in template("local").environment(function), function

    def test_each_function_has_the_stage_variable(self, stage: Template) -> None:
        for function in stage.functions:
            assert stage.environment(function)["STAGE"] == stage.stage

    def test_no_variable_holds_a_secret(self) -> None:
        document = json.dumps([template("prod").environment(name) for name in template().functions])
        assert "resolve:secretsmanager" not in document
        assert "resolve:ssm-secure" not in document


class TestPermissions:
    def test_no_policy_has_wildcard_actions_or_resources(self, stage: Template) -> None:
        for name, properties in stage.functions.items():
            for action, resource in grants(properties):
                assert "*" not in action, (name, action)
                assert resource != "*" or action in WITHOUT_RESOURCE, (name, action)

    def test_no_function_has_a_broad_managed_policy(self, stage: Template) -> None:
        for name, properties in stage.functions.items():
            for policy in as_list(properties.get("Policies", [])):
                assert isinstance(policy, dict), (name, policy)
                assert "Statement" in policy, (name, policy)

    def test_the_authorizer_reads_keys_and_writes_used_proofs_and_activity(self) -> None:
        assert list(grants(template("prod").functions["AuthorizeFunction"])) == [
            ("dynamodb:GetItem", {"Ref": "KeysTableArn"}),
            ("dynamodb:PutItem", {"Ref": "ProofsTableArn"}),
            ("dynamodb:UpdateItem", {"Ref": "KeyActivityTableArn"}),
        ]

    def test_each_route_that_takes_a_key_writes_the_request_log(self, stage: Template) -> None:
        for name, route in routes(stage):
            takes_key = route.get("Auth", {}).get("Authorizer") != "NONE"
            writes = ("dynamodb:PutItem", {"Ref": "RequestsTableArn"}) in list(
                grants(stage.functions[name])
            )
            has_table = "REQUESTS_TABLE" in stage.environment(name)
            assert (writes, has_table) == (takes_key, takes_key), (name, route["Path"])

    def test_only_the_token_exchange_route_can_write_keys(self, stage: Template) -> None:
        data_plane = {name for name, _ in routes(stage)}
        issuing = "ExchangeTokenFunction"
        keys = [
            action
            for action, resource in grants(stage.functions[issuing])
            if re.search(r"\bKeysTableArn", json.dumps(resource))
        ]
        assert keys == ["dynamodb:PutItem"]
        tables = {
            (action, re.sub(r".*?(\w+)TableArn.*", r"\1", json.dumps(resource)))
            for action, resource in grants(stage.functions[issuing])
            if "TableArn" in json.dumps(resource)
        }
        # It reads rules and marks foreign tokens as used, and can change neither rules nor keys.
        assert tables == {
            ("dynamodb:Query", "TrustRules"),
            ("dynamodb:ConditionCheckItem", "TrustRules"),
            ("dynamodb:GetItem", "TrustTokens"),
            ("dynamodb:PutItem", "TrustTokens"),
            ("dynamodb:UpdateItem", "TrustTokens"),
            ("dynamodb:PutItem", "Keys"),
            ("dynamodb:PutItem", "Audit"),
        }
        data_plane.remove(issuing)
        for name in data_plane:
            for action, resource in grants(stage.functions[name]):
                writes = action.split(":")[1] in WRITES and action.startswith("dynamodb:")
                assert not (writes and re.search(r"\bKeysTableArn", json.dumps(resource))), (
                    name,
                    action,
                )

    @pytest.mark.parametrize(
        ("table", "action", "functions"),
        [
            # A key's rows are put whole, under a condition, or deleted.
            ("KeysTable", "UpdateItem", set()),
            # A render that cannot be queued is deleted, except one that a visitor submitted.
            # An erasure deletes the item of a render's data; so does the deletion of a project.
            (
                "RendersTable",
                "DeleteItem",
                {
                    "CreateRenderFunction",
                    "DashboardFunction",
                    "DeleteRenderFunction",
                    "ReceiveHookFunction",
                    "RequeueStaleRendersFunction",
                },
            ),
            # Whoever reads a render's data: workers, the dashboard, and the embedded page; and a
            # batch's rows: their check, their list and their retry.
            (
                "RenderKeysTable",
                "GetItem",
                {
                    "CheckBatchesFunction",
                    "DashboardFunction",
                    "EmbedPageFunction",
                    "ListBatchItemsFunction",
                    "LiveWorkerFunction",
                    "RetryBatchFunction",
                    "TestWorkerFunction",
                },
            ),
        ],
    )
    def test_only_the_listed_functions_have_the_permission(
        self, stage: Template, table: str, action: str, functions: set[str]
    ) -> None:
        able = {
            name
            for name, properties in stage.functions.items()
            if (f"dynamodb:{action}", {"Ref": f"{table}Arn"}) in grants(properties)
        }
        assert able == functions

    def test_permissions_include_only_resources_of_the_stage(self, stage: Template) -> None:
        """A resource is named by reference: a written name could be another stage's."""
        for name, properties in stage.functions.items():
            for action, resource in grants(properties):
                own = f"craftkit-{stage.stage}"
                in_stack = isinstance(resource, dict) or own in resource
                # An identity of SES is the account's; a condition names the stage's address.
                is_exempt = action in {*WITHOUT_RESOURCE, "ses:SendEmail"}
                assert in_stack or is_exempt, (name, action, resource)

    def test_emails_are_sent_by_one_function_from_the_stages_address(self) -> None:
        senders = {}
        for name, properties in template("prod").functions.items():
            for policy in as_list(properties.get("Policies", [])):
                for statement in as_list(policy["Statement"]):
                    if "ses:SendEmail" in as_list(statement["Action"]):
                        senders[name] = statement["Condition"]
        # Without the parameter, no address matches.
        assert senders == {"SendKeyEmailsFunction": {"StringEquals": {"ses:FromAddress": ""}}}

    def test_each_mode_has_its_own_queue_worker_and_dead_letter_queue(self) -> None:
        prod = template("prod")
        sources = prod.of_type("AWS::Lambda::EventSourceMapping")
        for mode, other in (("Live", "Test"), ("Test", "Live")):
            source = sources[f"{mode}WorkerSource"]
            assert source["EventSourceArn"] == {"Fn::GetAtt": [f"{mode}Queue", "Arn"]}
            assert source["FunctionName"] == {"Ref": f"{mode}WorkerFunction.Alias"}
            touched = json.dumps(list(grants(prod.functions[f"{mode}WorkerFunction"])))
            assert f"{mode}Queue" in touched
            assert f"{other}Queue" not in touched


class TestGateway:
    def test_no_trace_records_urls_and_the_access_log_has_no_path(self, stage: Template) -> None:
        for api in stage.of_type("AWS::Serverless::Api").values():
            assert api["TracingEnabled"] is False
            logged = api["AccessLogSetting"]["Format"]
            assert "$context.resourcePath" in logged
            assert "$context.path" not in logged

    def api(self) -> Json:
        return template("prod").of_type("AWS::Serverless::Api")["Api"]

    def responses(self) -> Iterator[tuple[str, Json]]:
        """The gateway responses of each REST API."""
        for api in template("prod").of_type("AWS::Serverless::Api").values():
            yield from api["GatewayResponses"].items()

    def test_authorizer_results_are_not_cached(self) -> None:
        auth = self.api()["Auth"]
        authorizer = auth["Authorizers"][auth["DefaultAuthorizer"]]
        assert authorizer["FunctionPayloadType"] == "REQUEST"
        assert authorizer["Identity"] == {"Headers": ["Authorization"], "ReauthorizeEvery": 0}

    def test_the_authorizer_runs_under_sam_local_and_by_alias_on_aws(self) -> None:
        named = {
            name: template(name).of_type("AWS::Serverless::Api")["Api"]["Auth"]["Authorizers"]
            for name in ("local", "prod")
        }
        arn = {"Fn::GetAtt": ["AuthorizeFunction", "Arn"]}
        assert named["local"]["KeyAuthorizer"]["FunctionArn"] == arn
        assert named["prod"]["KeyAuthorizer"]["FunctionArn"] == {"Ref": "AuthorizeFunction.Alias"}

    def test_api_gateway_throttles_each_stage(self, stage: Template) -> None:
        for api in stage.of_type("AWS::Serverless::Api").values():
            everything, *_ = api["MethodSettings"]
            assert (everything["ResourcePath"], everything["HttpMethod"]) == ("/*", "*")
            assert 0 < everything["ThrottlingRateLimit"] <= everything["ThrottlingBurstLimit"]

    def test_only_the_public_routes_are_open(self, stage: Template) -> None:
        for name, route in routes(stage):
            is_open = route.get("Auth", {}).get("Authorizer") == "NONE"
            assert is_open == (route["Path"] in PUBLIC_ROUTES), (name, route["Path"])
            assert route["Method"] != "ANY"

    def test_no_two_functions_answer_a_route(self, stage: Template) -> None:
        found = [(route["Method"].upper(), route["Path"]) for _, route in routes(stage)]
        assert len(found) == len(set(found))

    def test_bodies_are_base64_and_responses_are_compressed(self) -> None:
        for name, api in template("prod").of_type("AWS::Serverless::Api").items():
            assert api["BinaryMediaTypes"] == ["*~1*"]  # on AWS
            if name == "DashboardApi":  # its function compresses
                assert "MinimumCompressionSize" not in api
            else:
                assert 0 < api["MinimumCompressionSize"] <= 2048

    def test_gateway_responses_have_the_envelope_and_the_codes_status(self) -> None:
        statuses = GATEWAYS_OWN | status_of_each_code()
        for kind, response in self.responses():
            error = json.loads(response["ResponseTemplates"]["application/json"])["error"]
            assert set(error) == {"code", "message", "docUrl", "requestId"}, kind
            assert error["docUrl"] == errors.documentation_url(error["code"]), kind
            assert error["requestId"] == "$context.requestId", kind
            assert response["StatusCode"] == statuses[error["code"]], kind
            headers = response["ResponseParameters"]["Headers"]
            assert headers["x-request-id"] == "context.requestId", kind
            assert ("WWW-Authenticate" in headers) == (response.get("StatusCode") == 401), kind

    def test_a_code_that_handlers_send_too_has_the_same_message(self) -> None:
        """Except for codes that the gateway returns for other reasons than a handler."""
        own_reason = {"not_found", "permission_denied", "invalid_request", "timeout"}
        messages = {error.code: error.message for error in errors.every_error()}
        for kind, response in self.responses():
            error = json.loads(response["ResponseTemplates"]["application/json"])["error"]
            if error["code"] not in own_reason:
                assert error["message"] == messages[error["code"]], kind

    @pytest.mark.parametrize(
        ("kind", "status", "code"),
        [
            ("UNAUTHORIZED", 401, "missing_authorization"),
            ("ACCESS_DENIED", 401, "invalid_credentials"),
            ("MISSING_AUTHENTICATION_TOKEN", 404, "not_found"),
            # An unknown route that is called with an API key, as every call is.
            ("INVALID_SIGNATURE", 404, "not_found"),
            ("DEFAULT_4XX", 404, "not_found"),
            ("AUTHORIZER_FAILURE", 500, "internal"),
            ("DEFAULT_5XX", 500, "internal"),
        ],
    )
    def test_gateway_refusals_have_the_documented_codes(
        self, kind: str, status: int, code: str
    ) -> None:
        responses = self.api()["GatewayResponses"]
        # What is not named falls to the catch-all of its class.
        response = responses.get(kind, responses["DEFAULT_4XX" if status < 500 else "DEFAULT_5XX"])
        assert response["StatusCode"] == status
        assert f'"code":"{code}"' in response["ResponseTemplates"]["application/json"]

    def test_gateway_errors_other_than_unknown_routes_have_their_own_code(self) -> None:
        """Without it, the response for unknown routes would be returned."""
        refusals = {
            "ACCESS_DENIED", "BAD_REQUEST_BODY", "BAD_REQUEST_PARAMETERS", "QUOTA_EXCEEDED",
            "REQUEST_TOO_LARGE", "THROTTLED", "UNAUTHORIZED", "UNSUPPORTED_MEDIA_TYPE",
            "WAF_FILTERED",
        }  # fmt: skip
        assert refusals <= set(self.api()["GatewayResponses"])
        # The other two have no authorizer that could refuse.
        without_authorizer = refusals - {"ACCESS_DENIED", "UNAUTHORIZED"}
        for name in ("EmbedApi", "DashboardApi"):
            api = template("prod").of_type("AWS::Serverless::Api")[name]
            assert "Auth" not in api
            assert without_authorizer <= set(api["GatewayResponses"])

    def test_the_embed_api_has_no_authorizer_and_answers_below_embed_alone(
        self, stage: Template
    ) -> None:
        assert "Auth" not in stage.of_type("AWS::Serverless::Api")["EmbedApi"]
        paths = {
            event["Properties"]["Path"]: name
            for name, properties in stage.functions.items()
            for event in properties.get("Events", {}).values()
            if event["Properties"].get("RestApiId") == {"Ref": "EmbedApi"}
        }
        assert set(paths.values()) == {"EmbedPageFunction", "ExchangeEmbedTokenFunction"}
        assert all(path == "/embed" or path.startswith("/embed/") for path in paths)


class TestSamLocal:
    def test_an_unknown_path_is_not_sent_to_the_dashboard(self) -> None:
        """`sam local` serves all APIs below one root, and the dashboard's has a `/{proxy+}`."""
        document = template().document
        left = without_function(document, DASHBOARD)
        events = left["Resources"]["GetHealthFunction"]["Properties"]["Events"]
        assert events == document["Resources"]["GetHealthFunction"]["Properties"]["Events"]
        assert "Events" not in left["Resources"][DASHBOARD]["Properties"]
        paths = [
            event["Properties"].get("Path", "")
            for resource in left["Resources"].values()
            for event in resource.get("Properties", {}).get("Events", {}).values()
        ]
        assert paths
        assert not [path for path in paths if "+}" in path]


class TestSignIn:
    def test_a_user_cannot_take_an_address_that_they_have_not_verified(
        self, stage: Template, data: Template
    ) -> None:
        [pool] = data.of_type("AWS::Cognito::UserPool").values()
        settings = pool["UserAttributeUpdateSettings"]
        assert settings["AttributesRequireVerificationBeforeUpdate"] == ["email"]
        [client] = stage.of_type("AWS::Cognito::UserPoolClient").values()
        assert "email" not in client["WriteAttributes"]
        assert client["WriteAttributes"]  # an absent list allows every standard attribute

    def test_users_can_sign_in_on_the_hosted_page_only(self, stage: Template) -> None:
        [client] = stage.of_type("AWS::Cognito::UserPoolClient").values()
        assert client["AllowedOAuthFlows"] == ["code"]
        assert client["ExplicitAuthFlows"] == ["ALLOW_REFRESH_TOKEN_AUTH"]
        assert "aws.cognito.signin.user.admin" not in client["AllowedOAuthScopes"]


class TestData:
    def test_tables_are_encrypted_recoverable_and_kept(self, data: Template) -> None:
        tables = data.of_type("AWS::DynamoDB::Table")
        assert {"KeysTable", "KeyActivityTable", "ProjectsTable", "RendersTable"} <= set(tables)
        for name, table in tables.items():
            assert table["BillingMode"] == "PAY_PER_REQUEST", name
            assert table["SSESpecification"]["SSEEnabled"] is True, name
            # A backup of the keys would bring back the data of deleted renders.
            recovery = table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
            assert recovery == (name != "RenderKeysTable"), name
            assert table["DeletionProtectionEnabled"] == (data.stage == "prod"), name
            resource = data.document["Resources"][name]
            assert resource["DeletionPolicy"] == "RetainExceptOnCreate", name
            assert resource["UpdateReplacePolicy"] == "Retain", name

    def test_fixed_resource_names_contain_the_stage(self, stage: Template, data: Template) -> None:
        names = {
            "AWS::DynamoDB::Table": "TableName",
            "AWS::S3::Bucket": "BucketName",
            "AWS::SQS::Queue": "QueueName",
            "AWS::SecretsManager::Secret": "Name",
        }
        for kind, name in names.items():
            found = stage.of_type(kind) | data.of_type(kind)
            assert found, kind
            for logical_id, properties in found.items():
                assert name not in properties, logical_id

    def test_rows_and_documents_have_the_same_retention(
        self, stage: Template, data: Template
    ) -> None:
        days = int(stage.environment("CreateRenderFunction")["RETENTION_DAYS"])
        bucket = data.of_type("AWS::S3::Bucket")["DocumentsBucket"]
        (rule,) = [
            rule
            for rule in bucket["LifecycleConfiguration"]["Rules"]
            if rule.get("Prefix") == "renders/"
        ]
        assert rule["ExpirationInDays"] == days
        renders = data.of_type("AWS::DynamoDB::Table")["RendersTable"]
        assert renders["TimeToLiveSpecification"]["Enabled"] is True
        assert renders["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"

    def test_buckets_are_private_and_refuse_plain_http_on_aws(self) -> None:
        for name in ON_AWS:
            buckets = template(name, Part.DATA).of_type("AWS::S3::Bucket")
            assert buckets
            for logical_id, bucket in buckets.items():
                block = bucket["PublicAccessBlockConfiguration"]
                assert len(block) == 4, logical_id
                assert all(block.values()), logical_id
                assert bucket["BucketEncryption"], logical_id
            policies = template(name, Part.DATA).of_type("AWS::S3::BucketPolicy").values()
            assert {policy["Bucket"]["Ref"] for policy in policies} == set(buckets)
            for policy in policies:
                (deny,) = policy["PolicyDocument"]["Statement"]
                assert deny["Effect"] == "Deny"
                assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}

    def test_visibility_timeouts_exceed_worker_timeouts_and_failures_are_kept(
        self, stage: Template
    ) -> None:
        queues = stage.of_type("AWS::SQS::Queue")
        for mode in ("Live", "Test"):
            queue = queues[f"{mode}Queue"]
            worker = stage.functions[f"{mode}WorkerFunction"]
            assert queue["VisibilityTimeout"] > worker["Timeout"]
            dead = queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
            assert dead == f"{mode}DeadLetterQueue"
            assert queues[dead]["MessageRetentionPeriod"] == 14 * 24 * 3600


class TestStages:
    def test_every_stage_has_every_setting(self) -> None:
        for part in Part:
            document = template(part=part).document
            assert document["Parameters"]["Stage"]["AllowedValues"] == list(STAGES)
            by_stage = document["Mappings"]["StageConfig"]
            assert set(by_stage) == set(STAGES)
            assert len({frozenset(answers) for answers in by_stage.values()}) == 1

    def test_a_template_names_no_account_and_no_region(self) -> None:
        for part in Part:
            text = part.template.read_text(encoding="utf-8")
            for written in ("us-east-1", "eu-west-1", "eu-central-1", "arn:aws:iam::1"):
                assert written not in text, part


def status_of_each_code() -> dict[str, int]:
    """Every code of the error tree with its HTTP status."""
    found: dict[str, int] = {}
    waiting: list[type[errors.CraftkitError]] = [errors.CraftkitError]
    while waiting:
        error = waiting.pop()
        # A class that only groups others has no code of its own.
        if "code" in vars(error):
            found[error.code] = error.status
        waiting += error.__subclasses__()
    return found


class TestVariables:
    @pytest.mark.parametrize("function", template().functions)
    def test_a_function_has_variables_only_for_resources_that_it_has_permissions_on(
        self, function: str
    ) -> None:
        prod = template("prod")
        streams = {"DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"}
        granted: set[str] = set()
        for action, resource in grants(prod.functions[function]):
            if action.partition(":")[2] in streams:
                continue
            text = json.dumps(resource)
            granted |= set(re.findall(r"\b(\w+Table)Arn", text))
            granted |= set(re.findall(r"\b(\w+Secret|DocumentsBucket)(?=Arn|\")", text))
        named = {
            value["Ref"]
            for value in prod.environment(function).values()
            if isinstance(value, dict)
            and re.fullmatch(r"\w+(Table|Secret|Bucket)", str(value.get("Ref", "")))
        }
        assert named == granted
