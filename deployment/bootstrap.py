"""`make bootstrap`: the stack that an administrator deploys once for each stage.

Two resources exist once: GitHub's identity provider in an account, and the role with which API
Gateway writes logs in a region. The bootstrap stack creates them if they do not exist.
"""

import json
from typing import Any

import boto3
from botocore.exceptions import ClientError, WaiterError

from deployment.template import read_template
from deployment.workspace import ROOT, TaskError

TEMPLATE = ROOT / "infrastructure" / "bootstrap.yaml"
GITHUB = "token.actions.githubusercontent.com"

Json = dict[str, Any]


def bootstrap_stack(stage: str) -> str:
    return f"craftkit-bootstrap-{stage}"


def bootstrap(stage: str, repository: str = "") -> dict[str, str]:
    """Create or update the bootstrap stack with the AWS credentials of the environment.

    Args:
        repository: the GitHub repository that may deploy the stage, as OWNER/NAME; without one the
            stack keeps the repository that it has.

    Returns:
        The stack's outputs.

    Raises:
        TaskError: CloudFormation could not deploy it.
    """
    cloudformation, name = boto3.client("cloudformation"), bootstrap_stack(stage)
    parameters = {
        "Stage": stage,
        "HoldsGithubProvider": _text(_holds_github_provider(cloudformation, name)),
        "HoldsGatewayLogRole": _text(_holds_gateway_log_role(cloudformation, name)),
    }
    given: list[Json] = [
        {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
    ]
    exists = _exists(cloudformation, name)
    if repository or not exists:
        given.append({"ParameterKey": "Repository", "ParameterValue": repository})
    else:
        given.append({"ParameterKey": "Repository", "UsePreviousValue": True})
    wanted: Json = {
        "StackName": name,
        # JSON, because CloudFormation does not support YAML's aliases.
        "TemplateBody": json.dumps(read_template(TEMPLATE), separators=(",", ":")),
        "Parameters": given,
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "Tags": [{"Key": "app", "Value": "craftkit"}, {"Key": "stage", "Value": stage}],
    }
    if exists:
        _update(cloudformation, wanted)
    else:
        cloudformation.create_stack(**wanted)
        _wait(cloudformation, "stack_create_complete", name)
        cloudformation.update_termination_protection(
            StackName=name, EnableTerminationProtection=True
        )
    return bootstrap_outputs(stage)


def bootstrap_outputs(stage: str) -> dict[str, str]:
    """The outputs of the stage's bootstrap stack; empty if the caller can read none."""
    cloudformation = boto3.client("cloudformation")
    try:
        stacks = cloudformation.describe_stacks(StackName=bootstrap_stack(stage))["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] in ("ValidationError", "AccessDenied"):
            return {}
        raise
    return {each["OutputKey"]: each["OutputValue"] for each in stacks[0].get("Outputs", [])}


def _holds_github_provider(cloudformation: Any, stack: str) -> bool:
    """Whether the stack contains the provider: it does already, or the account has none."""
    if _has_resource(cloudformation, stack, "GithubIdentity"):
        return True
    providers = boto3.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    return not any(each["Arn"].endswith(f"/{GITHUB}") for each in providers)


def _holds_gateway_log_role(cloudformation: Any, stack: str) -> bool:
    """Whether the stack contains the role: it does already, or the region has none."""
    if _has_resource(cloudformation, stack, "GatewayLogRole"):
        return True
    role = boto3.client("apigateway").get_account().get("cloudwatchRoleArn")
    if not role:
        return True
    try:
        # API Gateway keeps the ARN of a deleted role.
        boto3.client("iam").get_role(RoleName=role.rpartition("/")[2])
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchEntity":
            return True
        raise
    return False


def _has_resource(cloudformation: Any, stack: str, logical_id: str) -> bool:
    try:
        cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId=logical_id)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return False
        raise
    return True


def _exists(cloudformation: Any, stack: str) -> bool:
    try:
        cloudformation.describe_stacks(StackName=stack)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return False
        raise
    return True


def _update(cloudformation: Any, wanted: Json) -> None:
    try:
        cloudformation.update_stack(**wanted)
    except ClientError as error:
        if "No updates are to be performed" in str(error):
            return
        raise
    _wait(cloudformation, "stack_update_complete", wanted["StackName"])


def _wait(cloudformation: Any, until: str, stack: str) -> None:
    try:
        cloudformation.get_waiter(until).wait(StackName=stack, WaiterConfig={"Delay": 2})
    except WaiterError as error:
        (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        reason = found.get("StackStatusReason", found["StackStatus"])
        raise TaskError(f"CloudFormation did not deploy {stack}: {reason}") from error


def _text(value: bool) -> str:
    return "true" if value else "false"
