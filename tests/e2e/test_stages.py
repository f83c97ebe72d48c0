"""Two stages on one embedded AWS with IAM: neither has access to the other."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from testkit.stack import RunningStack

INVOICE = {"customer": {"name": "Ada"}, "items": [{"name": "x", "qty": 1, "price": 2}], "total": 2}


def test_each_stage_accepts_only_its_own_keys(stack: RunningStack, staging: RunningStack) -> None:
    for stage in (stack, staging):
        for key in (stage.live_key, stage.test_key):
            assert stage.call("GET", "/v1/renders", key=key).status_code == 200


def test_a_key_of_another_stage_is_unknown(stack: RunningStack, staging: RunningStack) -> None:
    for here, there in ((stack, staging), (staging, stack)):
        for key in (here.live_key, here.test_key):
            answer = there.call("GET", "/v1/renders", key=key)
            assert answer.status_code == 401
            assert answer.json()["error"]["code"] == "invalid_credentials"
            assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_render_of_one_stage_does_not_exist_in_another(
    stack: RunningStack, staging: RunningStack
) -> None:
    made = stack.call("POST", "/v1/templates/invoice/render", json={"data": INVOICE}).json()
    assert stack.finished(made["id"])["status"] == "succeeded"
    for path in (f"/v1/renders/{made['id']}", f"/v1/renders/{made['id']}/download"):
        answer = staging.call("GET", path)
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "not_found"


def test_the_stages_share_no_resource(stack: RunningStack, staging: RunningStack) -> None:
    for kind in (
        "AWS::DynamoDB::Table",
        "AWS::S3::Bucket",
        "AWS::SQS::Queue",
        "AWS::SecretsManager::Secret",
        "AWS::IAM::Role",
        "AWS::Lambda::Function",
        "AWS::ApiGateway::RestApi",
    ):
        here = set(stack.deployed.physical_ids(kind).values())
        there = set(staging.deployed.physical_ids(kind).values())
        assert here, kind
        assert there, kind
        assert not here & there, kind


def test_a_role_reads_its_own_table(stack: RunningStack) -> None:
    assert get(stack, "GetRenderFunction", stack.outputs["RendersTable"]) is None


def test_a_role_of_one_stage_cannot_read_the_table_of_another(
    stack: RunningStack, staging: RunningStack
) -> None:
    for here, there in ((stack, staging), (staging, stack)):
        assert get(here, "GetRenderFunction", there.outputs["RendersTable"]) == "AccessDenied"


def test_a_role_has_no_permissions_that_its_route_does_not_need(stack: RunningStack) -> None:
    assert get(stack, "GetRenderFunction", stack.outputs["ProjectsTable"]) == "AccessDenied"
    with pytest.raises(ClientError, match="AccessDenied"):
        client = stack.client_of("CreateRenderFunction", "dynamodb")
        client.put_item(TableName=stack.outputs["KeysTable"], Item={"key_hash": {"S": "x"}})


def get(stack: RunningStack, function: str, table: str) -> str | None:
    """The error of a `GetItem` with the function's role, or None."""
    client = stack.client_of(function, "dynamodb")
    key: dict[str, Any] = {
        element["AttributeName"]: {"S": "x"}
        for element in stack.client("dynamodb").describe_table(TableName=table)["Table"][
            "KeySchema"
        ]
    }
    try:
        client.get_item(TableName=table, Key=key)
    except ClientError as error:
        return str(error.response["Error"]["Code"]).removesuffix("Exception")
    return None
