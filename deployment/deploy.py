"""Deploying a build to a stage, with the AWS credentials of the environment.

The same by hand and in a pipeline. What a pipeline knows better comes in variables:
`AWS_ARTIFACTS_BUCKET` and `AWS_EXECUTION_ROLE_ARN` (see `infrastructure/bootstrap.yaml`), and for
a stage with names of its own `PUBLIC_URL`, `PAGES_URL`, `CERTIFICATE_ARN`; also `ALARM_EMAIL`.
"""

import json
import os
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3

from deployment.build import DEPLOYED_BUILD
from deployment.digest import write_with_digests
from deployment.pruning import prune
from deployment.stacks import (
    Part,
    built_template,
    has_resources,
    is_protected,
    outputs_of,
    parameters_of,
    present_stacks,
    previous_parameters,
)
from deployment.workspace import HOME, ROOT, TOOLS, TaskError

_PARAMETERS = {
    "PUBLIC_URL": "PublicUrl",
    "PAGES_URL": "PagesUrl",
    "CERTIFICATE_ARN": "CertificateArn",
    "ALARM_EMAIL": "AlarmEmail",
    "RESERVED_CONCURRENCY": "ReservedConcurrency",
    "ROLLBACK_ALARMS": "RollbackAlarms",
}


def deploy(stage: str, build: Path = DEPLOYED_BUILD, **parameters: str) -> None:
    """Deploy a stage's stacks with the AWS credentials of the environment, in the order of `Part`.

    A stack that would hold nothing is left out. Versions of functions that no alias leads to any
    more are deleted; see `deployment.pruning`.

    Args:
        parameters: of the templates, in addition to the stage's own and those of the environment.

    Raises:
        TaskError: there is nothing built, or SAM failed; what it said stands above.
    """
    if not built_template(Part.APPLICATION, build).is_file():
        raise TaskError(f"Nothing is built in {build}. Build first: make build")
    cloudformation = boto3.client("cloudformation")
    present = present_stacks(cloudformation, stage)
    protected = is_protected(stage, build)
    # CodeDeploy wants an alarm to exist before a deployment group names it.
    has_alarms = Part.MONITORING.stack_name(stage) in present
    given = {"Stage": stage, "DeletionProtection": "true" if protected else "false"}
    given |= {"RollbackAlarms": "true" if has_alarms else "false"}
    given |= of_environment(os.environ) | parameters
    outputs: dict[str, str] = {}
    for part in Part:
        name, template = part.stack_name(stage), built_template(part, build)
        known = previous_parameters(cloudformation, name) | outputs | given
        if name not in present and not has_resources(template, known):
            continue
        if part is Part.DATA and name not in present and protected:
            # CloudFormation cannot roll back a failed creation of what is protected already.
            _deploy_stack(stage, part, template, known | {"DeletionProtection": "false"})
        if part is Part.APPLICATION:
            digested = build / f"template.{stage}.json"
            template = write_with_digests(template, parameters_of(template, known), digested)
        _deploy_stack(stage, part, template, known)
        outputs |= outputs_of(cloudformation, name)
        if part in (Part.DATA, Part.APPLICATION) and protected:
            cloudformation.update_termination_protection(
                StackName=name, EnableTerminationProtection=True
            )
    prune(stage)


def _deploy_stack(stage: str, part: Part, template: Path, known: Mapping[str, str]) -> None:
    HOME.mkdir(exist_ok=True)
    settings = HOME / f"samconfig.{stage}.{part}.yaml"  # JSON is YAML too
    wanted = settings_of(stage, part, os.environ, parameters_of(template, known))
    settings.write_text(json.dumps(wanted, indent=2))
    sam = TOOLS / "sam" / "bin" / "sam"
    command: list[str | Path] = [sam, "deploy", "--config-file", settings, "--config-env", stage]
    environment = os.environ | {"PATH": f"{sam.parent}:{os.environ['PATH']}"}
    done = subprocess.run([*command, "--template-file", template], env=environment, cwd=ROOT)
    if done.returncode != 0:
        raise TaskError(
            f"The deploy of {part.stack_name(stage)} failed. Callers are on the version before."
        )


def of_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The parameters that variables of the environment hold."""
    return {
        parameter: environ[name] for name, parameter in _PARAMETERS.items() if environ.get(name)
    }


def settings_of(
    stage: str, part: Part, environ: Mapping[str, str], parameters: Mapping[str, str]
) -> dict[str, Any]:
    """samconfig.toml's settings of the stage for one of its stacks.

    Args:
        environ: a pipeline's bucket and role, which go before samconfig.toml's.
    """
    config = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    deploying: dict[str, Any] = config[stage]["deploy"]["parameters"]
    name = part.stack_name(stage)
    if bucket := environ.get("AWS_ARTIFACTS_BUCKET"):
        del deploying["resolve_s3"]
        deploying |= {"s3_bucket": bucket, "s3_prefix": name}
    if role := environ.get("AWS_EXECUTION_ROLE_ARN"):
        deploying["role_arn"] = role
    if environ.get("CI"):
        # Who approves a pipeline's deploy has done so before it began.
        deploying["confirm_changeset"] = False
    deploying["stack_name"] = name
    deploying["parameter_overrides"] = " ".join(
        f"{key}={value}" if value else f'{key}=""' for key, value in parameters.items()
    )
    return {"version": 0.1, stage: {"deploy": {"parameters": deploying}}}
