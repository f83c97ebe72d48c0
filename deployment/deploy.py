"""Deploying a build to a stage, with the AWS credentials of the environment.

The same by hand and in a pipeline. The stage's bootstrap stack (`deployment.bootstrap`) gives the
bucket for artifacts, the role that CloudFormation assumes for each stack, and the boundary of the
roles that the stacks make. A stage with host names has them in `PUBLIC_URL`, `PAGES_URL`,
`EMBED_URL` and `CERTIFICATE_ARN`; `ALARM_EMAIL` is the address that alarms are sent to.
"""

import json
import os
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3

from deployment.account import check_concurrency
from deployment.bootstrap import bootstrap_outputs, bootstrap_stack
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
    "EMBED_URL": "EmbedUrl",
    "CERTIFICATE_ARN": "CertificateArn",
    "ALARM_EMAIL": "AlarmEmail",
    "RESERVED_CONCURRENCY": "ReservedConcurrency",
}


def deploy(
    stage: str, build: Path = DEPLOYED_BUILD, *, ungated: bool = False, **parameters: str
) -> None:
    """Deploy a stage's stacks with the AWS credentials of the environment, in the order of `Part`.

    A stack that would hold nothing is left out. Versions of functions that no alias leads to any
    more are deleted; see `deployment.pruning`.

    Args:
        ungated: whether alarms that ring now do not stop the deployment, nor roll it back.
        parameters: of the templates, in addition to the stage's own and those of the environment.

    Raises:
        TaskError: nothing is built, the stage has no bootstrap stack, the account's quota is too
            small, or SAM failed; SAM's output is above.
    """
    if not built_template(Part.APPLICATION, build).is_file():
        raise TaskError(f"Nothing is built in {build}. Build first: make build")
    bootstrap = bootstrap_outputs(stage)
    if not bootstrap and os.environ.get("CI"):
        raise TaskError(f"There is no stack {bootstrap_stack(stage)}: make bootstrap STAGE={stage}")
    cloudformation = boto3.client("cloudformation")
    present = present_stacks(cloudformation, stage)
    protected = is_protected(stage, build)
    # CodeDeploy wants an alarm to exist before a deployment group names it.
    has_alarms = Part.MONITORING.stack_name(stage) in present
    given = {"Stage": stage, "DeletionProtection": "true" if protected else "false"}
    given |= {"RollbackAlarms": "true" if has_alarms and not ungated else "false"}
    given |= {"PermissionsBoundary": bootstrap.get("PermissionsBoundary", "")}
    given |= of_environment(os.environ) | parameters
    check_concurrency(build, given)
    outputs: dict[str, str] = {}
    for part in Part:
        name, template = part.stack_name(stage), built_template(part, build)
        known = previous_parameters(cloudformation, name) | outputs | given
        if name not in present and not has_resources(template, known):
            continue
        if part is Part.DATA and name not in present and protected:
            # CloudFormation cannot roll back a failed creation of what is protected already.
            unprotected = known | {"DeletionProtection": "false"}
            _deploy_stack(stage, part, template, bootstrap, unprotected)
        if part is Part.APPLICATION:
            digested = build / f"template.{stage}.json"
            template = write_with_digests(template, parameters_of(template, known), digested)
        _deploy_stack(stage, part, template, bootstrap, known)
        outputs |= outputs_of(cloudformation, name)
        if part in (Part.DATA, Part.APPLICATION) and protected:
            cloudformation.update_termination_protection(
                StackName=name, EnableTerminationProtection=True
            )
    prune(stage)


def _deploy_stack(
    stage: str, part: Part, template: Path, bootstrap: Mapping[str, str], known: Mapping[str, str]
) -> None:
    HOME.mkdir(exist_ok=True)
    settings = HOME / f"samconfig.{stage}.{part}.yaml"  # JSON is YAML too
    wanted = settings_of(stage, part, bootstrap, parameters_of(template, known))
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
    stage: str, part: Part, bootstrap: Mapping[str, str], parameters: Mapping[str, str]
) -> dict[str, Any]:
    """samconfig.toml's settings of the stage for one of its stacks.

    Args:
        bootstrap: the outputs of the stage's bootstrap stack; empty where there is none, and then
            SAM makes a bucket and CloudFormation uses the caller's own rights.
    """
    config = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    deploying: dict[str, Any] = config[stage]["deploy"]["parameters"]
    name = part.stack_name(stage)
    if bootstrap:
        del deploying["resolve_s3"]
        deploying |= {"s3_bucket": bootstrap["ArtifactsBucket"], "s3_prefix": name}
        deploying["role_arn"] = bootstrap[f"{part.capitalize()}ExecutionRole"]
    if os.environ.get("CI"):
        # In a pipeline the approval comes before the job.
        deploying["confirm_changeset"] = False
    deploying["stack_name"] = name
    deploying["parameter_overrides"] = " ".join(
        f"{key}={value}" if value else f'{key}=""' for key, value in parameters.items()
    )
    return {"version": 0.1, stage: {"deploy": {"parameters": deploying}}}
