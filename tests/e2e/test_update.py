"""A changed parameter takes effect, and a rollback reverts it."""

import base64
import json
from typing import Any

import pytest

from deployment.build import build_for_host
from deployment.deploy import deploy
from local.stack import Deployed
from testkit.events import event
from testkit.stack import RunningStack


@pytest.fixture
def credentials(stack: RunningStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a person who calls make; a pipeline needs the bootstrap stack."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", stack.aws_endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("CI", raising=False)


@pytest.mark.usefixtures("credentials")
def test_make_deploy__applies_a_changed_parameter_and_a_rollback_reverts_it(
    stack: RunningStack,
) -> None:
    build = build_for_host()
    first, second = "https://first.example.com", "https://second.example.com"
    answers, versions = [], []
    for url in (first, second, first):
        deploy("dev", build, AwsEndpointUrl=stack.aws_endpoint_url, PublicUrl=url)
        answers.append(server_of(stack))
        versions.append(version_of(stack))
    assert answers == [first, second, first]
    assert versions[0] != versions[1] != versions[2]


def server_of(stack: RunningStack) -> str:
    """The server URL of the API's OpenAPI document."""
    lambda_ = stack.client("lambda")
    payload = json.dumps(event("get_openapi"))
    answer = lambda_.invoke(FunctionName=name_of(stack), Qualifier="live", Payload=payload)
    response: dict[str, Any] = json.load(answer["Payload"])
    body = response["body"]
    if response.get("isBase64Encoded"):
        body = base64.b64decode(body).decode()
    return str(json.loads(body)["servers"][0]["url"])


def version_of(stack: RunningStack) -> str:
    alias = stack.client("lambda").get_alias(FunctionName=name_of(stack), Name="live")
    return str(alias["FunctionVersion"])


def name_of(stack: RunningStack) -> str:
    deployed = Deployed("dev", stack.aws_endpoint_url)
    return deployed.physical_ids("AWS::Lambda::Function")["GetOpenapiFunction"]
