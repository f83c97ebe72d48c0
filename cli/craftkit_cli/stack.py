"""Finds a stage's stack by its outputs, with the caller's own AWS credentials."""

import os
import re
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)

from craftkit.errors import CraftkitError
from craftkit_cli.local_stack import LOOPBACK, local_stack

_CREDENTIALS = ("AWS_PROFILE", "AWS_ACCESS_KEY_ID")
_EMBEDDED_ACCOUNT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
}


class StackNotFoundError(CraftkitError):
    """The stage's stack was not found with the current credentials."""

    code = "stack_not_found"
    status = 404


class AwsCredentialsError(CraftkitError):
    """There are no AWS credentials, or they are incomplete."""

    code = "aws_credentials_missing"
    status = 401
    message = (
        "This command acts on a stack in your own AWS account and needs AWS credentials: set "
        "AWS_PROFILE and AWS_REGION, or start the local stack with `make dev`; `craftkit --help` "
        "lists the commands that need an API key only."
    )


def connect(stage: str) -> str:
    """Set the environment variables of the stage's tables and functions, from the stack's outputs.

    `local` runs on this machine and is found through the file that `make dev` writes. Another stage
    is found through the file of `make stage` if the environment has no AWS credentials.

    Returns:
        The ARN of the caller's identity, for the audit.

    Raises:
        AwsCredentialsError: there are no credentials.
        StackNotFoundError: the stack does not exist, or the credentials have no access to it.
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
    except (NoCredentialsError, NoRegionError, PartialCredentialsError, ProfileNotFound) as error:
        raise AwsCredentialsError from error
    except (BotoCoreError, ClientError) as error:
        raise StackNotFoundError(
            f"The stack craftkit-{stage} was not found with the current AWS credentials: {error} "
            "Check AWS_PROFILE and AWS_REGION, or start "
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
    """The environment variable of an output: `KeysTable` → `KEYS_TABLE`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", output).upper()
