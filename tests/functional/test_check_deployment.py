"""A new version is probed before it receives traffic: the probe, and the report to CodeDeploy."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from craftkit.auth.dynamodb_client import TableUnavailableError
from craftkit.probes import KEYS, PROBE, is_fit, needs
from testkit.cloud import Cloud, LambdaContext, variables
from testkit.events import event
from testkit.template import statements, template

FUNCTIONS = [name for name in template().functions if name != "CheckDeploymentFunction"]
APP_SPECS = {
    "json": json.dumps(
        {
            "version": 0.0,
            "Resources": [
                {
                    "GetHealthFunction": {
                        "Type": "AWS::Lambda::Function",
                        "Properties": {
                            "Name": "craftkit-local-GetHealthFunction-a1B2c3",
                            "Alias": "live",
                            "CurrentVersion": "6",
                            "TargetVersion": "7",
                        },
                    }
                }
            ],
        }
    ),
    "yaml": """version: 0.0
Resources:
  - target:
      Type: AWS::Lambda::Function
      Properties:
        Name: craftkit-local-GetHealthFunction-a1B2c3
        Alias: live
        CurrentVersion: '6'
        TargetVersion: '7'
""",
}


def folder_of(function: str) -> str:
    return str(template().functions[function]["CodeUri"]).removeprefix("functions/").rstrip("/")


def needs_of(cloud: Cloud, function: str) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    with cloud.as_function(function):
        variables, reads = cloud.module(folder_of(function)).handler.needs
    return variables, reads


def probe(cloud: Cloud, function: str, *without: str) -> Any:
    """The response of a version without these variables."""
    with cloud.as_function(function):
        handler = cloud.module(folder_of(function)).handler
    environment = cloud.environment(function)
    with variables({name: environment[name] for name in environment if name not in without}):
        return handler(PROBE, LambdaContext(function))


def fit(answer: Any) -> bool:
    return is_fit(json.dumps(answer).encode(), failed=False)


@pytest.fixture
def invocable(cloud: Cloud) -> Iterator[None]:
    """A fake of Lambda's dry runs, because moto runs no functions."""
    call = BaseClient._make_api_call

    def answered(client: Any, operation: str, arguments: Any) -> Any:
        if operation == "Invoke" and arguments.get("InvocationType") == "DryRun":
            return {"StatusCode": 204}
        return call(client, operation, arguments)

    with patch.object(BaseClient, "_make_api_call", answered), keys_answer({}):
        yield


@contextmanager
def keys_answer(answer: Any) -> Iterator[None]:
    """A fake of the authorizer's DynamoDB client, which moto cannot intercept."""

    def call(*_: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    with patch("craftkit.auth.lookup.call_dynamodb", call):
        yield


@pytest.mark.usefixtures("invocable")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_probe__passes_for_every_function(cloud: Cloud, name: str) -> None:
    answer = probe(cloud, name)
    assert fit(answer), answer


@pytest.mark.usefixtures("invocable")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_probe__fails_without_a_variable(cloud: Cloud, name: str) -> None:
    for variable in ("STAGE", *needs_of(cloud, name)[0]):
        answer = probe(cloud, name, variable)
        assert not fit(answer), variable
        assert answer["missing"] == [variable]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_probe__fails_without_a_permission(cloud: Cloud, name: str) -> None:
    _, reads = needs_of(cloud, name)
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "Read")
    with (
        patch.object(BaseClient, "_make_api_call", side_effect=denied),
        keys_answer(TableUnavailableError("denied")),
    ):
        answer = probe(cloud, name)
    calls = [read for read in reads if read.__name__ != "_typesets"]
    assert fit(answer) is not bool(calls), answer
    assert len(answer.get("failed", [])) == len(calls)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_probe__declarations_match_the_template(cloud: Cloud, name: str) -> None:
    """The resources that it has permissions on, and its own variables."""
    declared, reads = needs_of(cloud, name)
    document = template().document
    shared = document["Globals"]["Function"]["Environment"]["Variables"]
    own = set(template().environment(name)) - set(shared)
    assert own - ADDRESSES <= set(declared)
    assert tables_with_rights(name) <= set(declared)
    assert set(declared) <= set(template().environment(name))
    rights = {right for statement in granted(name) for right in statement["Action"]}
    reaches_data = any(right.split(":")[0] in ("dynamodb", "secretsmanager") for right in rights)
    assert bool(reads) or not reaches_data, "it has rights on data, and no read proves one"


@pytest.mark.parametrize("event", [PROBE, {"another": "event"}])
def test_probe__runs_the_steps_after_a_request_too(event: dict[str, str]) -> None:
    """Without it, the extension that writes after the response would wait until the timeout."""
    ended: list[str] = []

    @needs(after=lambda: ended.append("probe"))
    def handler(_event: object, _context: object) -> None:
        ended.append("handler")

    handler(event, None)
    assert ended == ["probe" if event == PROBE else "handler"]


# Empty in a stage without host names, mail sender or timestamp server, or on AWS.
ADDRESSES = {
    "PUBLIC_URL",
    "PAGES_ORIGIN",
    "EMBED_ORIGIN",
    "MAIL_SENDER",
    "TIMESTAMP_URL",
    "AWS_ENDPOINT_URL",
}
ITEM_RIGHTS = ("BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem")


def tables_with_rights(function: str) -> set[str]:
    """The variables of the tables whose items a function may read or write."""
    found = set()
    for statement in granted(function):
        if {f"dynamodb:{verb}" for verb in ITEM_RIGHTS} & set(statement["Action"]):
            for name in re.findall(r"(\w+Table)Arn", json.dumps(statement["Resource"])):
                found.add("_".join(re.findall("[A-Z][a-z]*", name)).upper())
    return found


@pytest.mark.parametrize("name", FUNCTIONS)
def test_probe__every_read_is_granted_by_the_template(cloud: Cloud, name: str) -> None:
    _, reads = needs_of(cloud, name)
    names = cloud.environment(name)
    for read in reads:
        action, _, variable = read.__name__.partition(" ")
        if not variable:
            continue
        granting = [
            statement
            for statement in granted(name)
            if any(right.endswith(f":{action}") for right in statement["Action"])
            and names[variable]
            in json.dumps(cloud.template.resolve(statement["Resource"], cloud.names))
        ]
        assert granting, read.__name__


def text_of(cloud: Cloud, value: Any) -> str:
    return json.dumps(cloud.template.resolve(value, cloud.names))


def granted(function: str) -> list[dict[str, Any]]:
    properties = template().functions[function]
    return [
        statement
        | {
            "Action": [statement["Action"]]
            if isinstance(statement["Action"], str)
            else statement["Action"]
        }
        for statement in statements(properties)
    ]


def test_probe__the_keys_of_each_table_are_those_of_the_template(cloud: Cloud) -> None:
    tables = cloud.data.of_type("AWS::DynamoDB::Table")
    for variable, attributes in KEYS.items():
        (table,) = [
            each for name, each in tables.items() if name.upper() == variable.replace("_", "")
        ]
        assert tuple(key["AttributeName"] for key in table["KeySchema"]) == attributes, variable


@pytest.mark.parametrize(
    ("payload", "failed"),
    [
        (b'{"errorMessage": "No module named craftkit", "errorType": "ImportError"}', True),
        (b'{"fit": true}', True),
        (b'{"fit": false, "missing": ["KEYS_TABLE"]}', False),
        (b'{"statusCode": 200, "body": "{}"}', False),
        (b'{"statusCode": 403}', False),
        (b"null", False),
        (b"", False),
    ],
    ids=[
        "raises",
        "dies after it",
        "lacks a variable",
        "answers a route",
        "refuses",
        "null",
        "nothing",
    ],
)
def test_is_fit__only_the_answer_to_the_probe_counts(payload: bytes, failed: bool) -> None:
    assert not is_fit(payload, failed)
    assert is_fit(b'{"fit": true}', failed=False)


class Deployment:
    """Fakes of CodeDeploy and Lambda, and the reported status."""

    def __init__(self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cloud = cloud
        module = cloud.module("check_deployment")
        clients: dict[str, Any] = {name: boto3.client(name) for name in ("codedeploy", "lambda")}
        monkeypatch.setattr(module, "_codedeploy", lambda: clients["codedeploy"])
        monkeypatch.setattr(module, "_lambda", lambda: clients["lambda"])
        self.codedeploy = Stubber(clients["codedeploy"])
        self.functions = Stubber(clients["lambda"])

    def run(self, spec: str, answer: dict[str, Any] | None, reported: str) -> None:
        asked = event("check_deployment")
        revision = {"revisionType": "AppSpecContent", "appSpecContent": {"content": spec}}
        self.codedeploy.add_response(
            "get_deployment",
            {"deploymentInfo": {"revision": revision}},
            {"deploymentId": asked["DeploymentId"]},
        )
        if answer:
            payload = json.dumps(answer).encode()
            self.functions.add_response(
                "invoke",
                {"Payload": StreamingBody(BytesIO(payload), len(payload))}
                | ({"FunctionError": "Unhandled"} if "errorType" in answer else {}),
                {
                    "FunctionName": "craftkit-local-GetHealthFunction-a1B2c3",
                    "Qualifier": "7",
                    "Payload": json.dumps(PROBE),
                },
            )
        self.codedeploy.add_response(
            "put_lifecycle_event_hook_execution_status",
            {},
            {
                "deploymentId": asked["DeploymentId"],
                "lifecycleEventHookExecutionId": asked["LifecycleEventHookExecutionId"],
                "status": reported,
            },
        )
        with self.codedeploy, self.functions:
            self.cloud.module("check_deployment").handler(asked, LambdaContext("hook"))
        self.codedeploy.assert_no_pending_responses()
        self.functions.assert_no_pending_responses()


@pytest.fixture
def deployment(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    return Deployment(cloud, monkeypatch)


@pytest.mark.parametrize("form", APP_SPECS)
def test_check_deployment__a_working_version_succeeds(deployment: Deployment, form: str) -> None:
    deployment.run(APP_SPECS[form], {"fit": True}, "Succeeded")


def test_check_deployment__a_version_without_a_permission_fails(
    deployment: Deployment,
) -> None:
    answer = {"fit": False, "failed": ["GetItem KEYS_TABLE: ClientError: AccessDenied"]}
    deployment.run(APP_SPECS["yaml"], answer, "Failed")


def test_check_deployment__a_version_that_raises_fails(deployment: Deployment) -> None:
    broken = {"errorMessage": "No module named 'craftkit'", "errorType": "ImportError"}
    deployment.run(APP_SPECS["json"], broken, "Failed")


def test_check_deployment__a_revision_without_functions_fails(
    deployment: Deployment,
) -> None:
    deployment.run('{"version": 0.0, "Resources": []}', None, "Failed")
