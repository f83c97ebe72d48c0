"""Finds a stage's stack by its outputs, with the caller's own AWS credentials."""

import os
import re
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from craftkit.errors import CraftkitError
from craftkit_cli.local_stack import LOOPBACK, local_stack

_CREDENTIALS = ("AWS_PROFILE", "AWS_ACCESS_KEY_ID")
_EMBEDDED_ACCOUNT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
}


class StackNotFoundError(CraftkitError):
    """No stack of this stage answers to these credentials."""

    code = "stack_not_found"
    status = 404


def connect(stage: str) -> str:
    """Make the stage's tables and functions known to this process, as a Lambda's are.

    A stage that runs on this machine is found through the file that `make dev` or `make stage`
    wrote: `local` always, another where the environment names no credentials of an account.

    Returns:
        Who is asking: the ARN of the caller's identity, for the audit.

    Raises:
        StackNotFoundError: there is no such stack, or no access to it.
    """
    if "AWS_ENDPOINT_URL" not in os.environ and (
        stage == "local" or not any(name in os.environ for name in _CREDENTIALS)
    ):
        _find_embedded_aws(stage)
    if urlsplit(os.environ.get("AWS_ENDPOINT_URL", "")).hostname in LOOPBACK:
        for name, value in _EMBEDDED_ACCOUNT.items():
            os.environ.setdefault(name, value)
    try:
        stacks = boto3.client("cloudformation").describe_stacks(StackName=f"craftkit-{stage}")
        identity: str = boto3.client("sts").get_caller_identity()["Arn"]
    except (BotoCoreError, ClientError) as error:
        raise StackNotFoundError(
            "This command needs AWS credentials; with the present ones, the stack "
            f"craftkit-{stage} was not found: {error} Check AWS_PROFILE and AWS_REGION, or start "
            "the local stack with `make dev`."
        ) from error
    for output in stacks["Stacks"][0]["Outputs"]:
        os.environ[_variable_of(output["OutputKey"])] = output["OutputValue"]
    os.environ.setdefault("AWS_REGION", boto3.session.Session().region_name or "us-east-1")
    return identity


def _find_embedded_aws(stage: str) -> None:
    if stack := local_stack(stage):
        os.environ |= {"AWS_ENDPOINT_URL": stack["awsEndpointUrl"], **_EMBEDDED_ACCOUNT}


def _variable_of(output: str) -> str:
    """`KeysTable` → `KEYS_TABLE`: an output is named as the function's variable is."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", output).upper()
