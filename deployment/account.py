"""The AWS account that a command works in: its region, and its quota of concurrent executions."""

import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path

import boto3
import botocore.session

from deployment.stacks import Part, built_template
from deployment.template import Template, read_template
from deployment.workspace import TaskError

QUOTA_CODE = "L-B99A9384"

# Lambda keeps this many executions for functions without a reservation, and refuses a reservation
# that would leave fewer.
UNRESERVED = 100


def use_region(environ: MutableMapping[str, str] = os.environ) -> str:
    """Set one region in both variables: boto3 and SAM read AWS_DEFAULT_REGION, others AWS_REGION.

    Raises:
        TaskError: the two differ, or no region is set, in a profile either.
    """
    named = {environ[name] for name in ("AWS_REGION", "AWS_DEFAULT_REGION") if environ.get(name)}
    if len(named) > 1:
        raise TaskError(
            f"AWS_REGION is {environ['AWS_REGION']} and AWS_DEFAULT_REGION is "
            f"{environ['AWS_DEFAULT_REGION']}. Set both to the stage's region, or one of them."
        )
    region = named.pop() if named else botocore.session.Session().get_config_variable("region")
    if not region:
        raise TaskError("No region is set. Set it: export AWS_REGION=us-east-1")
    environ["AWS_REGION"] = environ["AWS_DEFAULT_REGION"] = region
    return str(region)


def check_concurrency(build: Path, parameters: Mapping[str, str]) -> None:
    """Compare the account's quota of concurrent executions with what the stage needs.

    New accounts may start with 10. Reservations then fail, and the pre-traffic checks of a release
    that changes a layer, one for each function at the same time, are throttled.

    Args:
        parameters: the parameters of the application stack.

    Raises:
        TaskError: the quota is too small. The message has the command to raise it.
    """
    needed = needed_concurrency(build, parameters)
    limit = boto3.client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    if limit < needed:
        raise TaskError(
            f"The stage needs {needed} concurrent executions of Lambda functions, and this "
            f"account's quota is {limit}. Ask for 1000 or more, which can take a day:\n"
            f"  aws service-quotas request-service-quota-increase --service-code lambda "
            f"--quota-code {QUOTA_CODE} --desired-value 1000\n"
            f"Until then, set RESERVED_CONCURRENCY=false to deploy without reservations."
        )


def needed_concurrency(build: Path, parameters: Mapping[str, str]) -> int:
    """The executions that the stage reserves plus 100, or enough for the pre-traffic checks."""
    document = read_template(built_template(Part.APPLICATION, build))
    functions = Template(document, **parameters).functions.values()
    reserved = sum(int(each.get("ReservedConcurrentExecutions", 0)) for each in functions)
    if reserved:
        return reserved + UNRESERVED
    # Throttled checks are retried, so half of them concurrently is enough.
    return sum(1 for each in functions if each["DeploymentPreference"]["Enabled"])
