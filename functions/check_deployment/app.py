"""Before a version gets callers it has to answer: CodeDeploy's pre-traffic hook."""

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3

from craftkit.config import config
from craftkit.observability import logger
from craftkit.probes import is_fit, question

if TYPE_CHECKING:
    from mypy_boto3_codedeploy.client import CodeDeployClient
    from mypy_boto3_lambda.client import LambdaClient


@logger.inject_lambda_context
def handler(event: dict[str, str], _context: object) -> None:
    """Tell CodeDeploy whether the deployment may go on. Whatever goes wrong here stops it."""
    deployment = event["DeploymentId"]
    fit = False
    try:
        fit = _answers(*_target(deployment))
    except Exception:
        logger.exception("not checked", extra={"deployment": deployment})
    _codedeploy().put_lifecycle_event_hook_execution_status(
        deploymentId=deployment,
        lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
        status="Succeeded" if fit else "Failed",
    )


def _target(deployment: str) -> tuple[str, str]:
    """The function's name and the version that is to get callers, from the revision's AppSpec.

    It is JSON or YAML, as whoever began the deployment wrote it.
    """
    info = _codedeploy().get_deployment(deploymentId=deployment)["deploymentInfo"]
    revision: Any = info["revision"]
    content = (revision.get("appSpecContent") or revision["string"])["content"]
    name = re.search(r"\bName[\"']?\s*:\s*[\"']?([\w-]+)", content)
    version = re.search(r"\bTargetVersion[\"']?\s*:\s*[\"']?(\d+)", content)
    if name is None or version is None:
        raise ValueError("The revision names no function and version.")
    return name[1], version[1]


def _answers(name: str, version: str) -> bool:
    # SAM's names: the stack's, the logical id, and something random.
    logical_id = name.removeprefix(f"{config.stack_name}-").rpartition("-")[0]
    answer = _lambda().invoke(
        FunctionName=name, Qualifier=version, Payload=json.dumps(question(logical_id))
    )
    fit = is_fit(answer["Payload"].read(), failed="FunctionError" in answer)
    logger.info("checked", extra={"function": logical_id, "version": version, "fit": fit})
    return fit


@cache
def _codedeploy() -> "CodeDeployClient":
    return boto3.client("codedeploy")


@cache
def _lambda() -> "LambdaClient":
    return boto3.client("lambda")
