"""CodeDeploy's pre-traffic hook: probes a new version before it receives traffic."""

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config as ClientConfig

from craftkit.observability import logger
from craftkit.probes import PROBE, is_fit

if TYPE_CHECKING:
    from mypy_boto3_codedeploy.client import CodeDeployClient
    from mypy_boto3_lambda.client import LambdaClient


# A release deploys all functions at the same time. A throttled probe is retried for half a minute,
# so that a small quota of concurrent executions delays a deployment but does not fail it.
_PROBE_CLIENT = ClientConfig(
    connect_timeout=2, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 8}
)


@logger.inject_lambda_context
def handler(event: dict[str, str], _context: object) -> None:
    """Report to CodeDeploy whether the deployment may continue. Any error stops it."""
    deployment = event["DeploymentId"]
    fit = False
    try:
        fit = _probe(*_target(deployment))
    except Exception:
        logger.exception("not probed", extra={"deployment": deployment})
    _codedeploy().put_lifecycle_event_hook_execution_status(
        deploymentId=deployment,
        lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
        status="Succeeded" if fit else "Failed",
    )


def _target(deployment: str) -> tuple[str, str]:
    """The name of the function and its new version, from the revision's AppSpec.

    The AppSpec is JSON or YAML.
    """
    info = _codedeploy().get_deployment(deploymentId=deployment)["deploymentInfo"]
    revision: Any = info["revision"]
    content = (revision.get("appSpecContent") or revision["string"])["content"]
    name = re.search(r"\bName[\"']?\s*:\s*[\"']?([\w-]+)", content)
    version = re.search(r"\bTargetVersion[\"']?\s*:\s*[\"']?(\d+)", content)
    if name is None or version is None:
        raise ValueError("The revision does not name a function and a version.")
    return name[1], version[1]


def _probe(name: str, version: str) -> bool:
    answer = _lambda().invoke(FunctionName=name, Qualifier=version, Payload=json.dumps(PROBE))
    payload = answer["Payload"].read()
    fit = is_fit(payload, failed="FunctionError" in answer)
    extra = {"function": name, "version": version, "fit": fit}
    # Names of missing variables, and errors of reads. Neither contains a secret.
    logger.info("probed", extra=extra if fit else extra | {"answer": payload.decode()[:2000]})
    return fit


@cache
def _codedeploy() -> "CodeDeployClient":
    return boto3.client("codedeploy")


@cache
def _lambda() -> "LambdaClient":
    return boto3.client("lambda", config=_PROBE_CLIENT)
