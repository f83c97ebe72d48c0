"""A version gets callers once it has answered: what the hook asks, and what it tells CodeDeploy."""

import json
from io import BytesIO
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from craftkit.probes import is_fit, question
from tests.support.cloud import Cloud, LambdaContext
from tests.support.events import event
from tests.support.template import template

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


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_sound_version_of_every_function_answers_its_question(cloud: Cloud, name: str) -> None:
    folder = template().functions[name]["CodeUri"].removeprefix("functions/")
    answer = cloud.invoke(folder, question(name), function=name)
    assert is_fit(json.dumps(answer).encode(), failed=False), answer


def test_a_question_to_a_route_reaches_no_table(cloud: Cloud) -> None:
    answer = cloud.invoke("create_render", question("CreateRenderFunction"))
    assert answer["statusCode"] == 403


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (b'{"errorMessage": "No module named craftkit", "errorType": "ImportError"}', True),
        (b'{"statusCode": 500, "body": "{}"}', False),
        (b'{"error": {"kind": "SourceError"}}', False),
    ],
    ids=["raises", "answers with a fault", "cannot typeset"],
)
def test_a_version_that_is_unfit_is_told_from_one_that_refuses(answer: bytes, failed: bool) -> None:
    assert not is_fit(answer, failed)
    assert is_fit(b'{"statusCode": 403}', failed=False)
    assert is_fit(b"null", failed=False)


class Deployment:
    """CodeDeploy and Lambda as the hook meets them, and what it told."""

    def __init__(self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cloud = cloud
        module = cloud.module("check_deployment")
        clients: dict[str, Any] = {name: boto3.client(name) for name in ("codedeploy", "lambda")}
        monkeypatch.setattr(module, "_codedeploy", lambda: clients["codedeploy"])
        monkeypatch.setattr(module, "_lambda", lambda: clients["lambda"])
        self.codedeploy = Stubber(clients["codedeploy"])
        self.functions = Stubber(clients["lambda"])

    def run(self, spec: str, answer: dict[str, Any] | None, told: str) -> None:
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
                    "Payload": json.dumps(question("GetHealthFunction")),
                },
            )
        self.codedeploy.add_response(
            "put_lifecycle_event_hook_execution_status",
            {},
            {
                "deploymentId": asked["DeploymentId"],
                "lifecycleEventHookExecutionId": asked["LifecycleEventHookExecutionId"],
                "status": told,
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
def test_check_deployment__a_version_that_answers_may_get_callers(
    deployment: Deployment, form: str
) -> None:
    deployment.run(APP_SPECS[form], {"statusCode": 200, "body": "{}"}, "Succeeded")


def test_check_deployment__a_version_that_raises_is_stopped(deployment: Deployment) -> None:
    broken = {"errorMessage": "No module named 'craftkit'", "errorType": "ImportError"}
    deployment.run(APP_SPECS["json"], broken, "Failed")


def test_check_deployment__a_revision_that_names_nothing_is_stopped(
    deployment: Deployment,
) -> None:
    deployment.run('{"version": 0.0, "Resources": []}', None, "Failed")
