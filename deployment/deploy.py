"""Deploys a build to a stage, with the AWS credentials of the environment.

Used by hand and by the pipeline. The stage's bootstrap stack (`deployment.bootstrap`) has the
bucket for artifacts, the role that CloudFormation assumes for each stack, and the permissions
boundary of new roles. Host names are in the variables `PUBLIC_URL`, `PAGES_URL`, `EMBED_URL` and
`CERTIFICATE_ARN`, the email address for alarms in `ALARM_EMAIL`.
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
    "MAIL_SENDER": "MailSender",
    "RESERVED_CONCURRENCY": "ReservedConcurrency",
    "SEAL_KEY_SPEC": "SealKeySpec",
    "TIMESTAMP_URL": "TimestampUrl",
}


def deploy(
    stage: str, build: Path = DEPLOYED_BUILD, *, ungated: bool = False, **parameters: str
) -> None:
    """Deploy a stage's stacks with the AWS credentials of the environment, in the order of `Part`.

    A stack without resources is skipped. Old versions of functions are deleted; see
    `deployment.pruning`.

    Args:
        ungated: whether to deploy without alarms, which neither stop nor roll back the deployment.
        parameters: template parameters, in addition to those of the stage and the environment.

    Raises:
        TaskError: nothing is built, the stage has no bootstrap stack, the account's quota is too
            small, or SAM failed; SAM's output is above.
    """
    if not built_template(Part.APPLICATION, build).is_file():
        raise TaskError(f"There is no build in {build}. Run: make build")
    bootstrap = bootstrap_outputs(stage)
    if not bootstrap and os.environ.get("CI"):
        raise TaskError(
            f"The stack {bootstrap_stack(stage)} does not exist. Run: make bootstrap STAGE={stage}"
        )
    cloudformation = boto3.client("cloudformation")
    present = present_stacks(cloudformation, stage)
    protected = is_protected(stage, build)
    # CodeDeploy requires that an alarm exists before a deployment group references it.
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
            # CloudFormation cannot roll back a failed creation of protected resources.
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
            f"The deployment of {part.stack_name(stage)} failed and was rolled back. SAM's output "
            f"above has the reason."
        )


def of_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The template parameters that are set by environment variables."""
    return {
        parameter: environ[name] for name, parameter in _PARAMETERS.items() if environ.get(name)
    }


def settings_of(
    stage: str, part: Part, bootstrap: Mapping[str, str], parameters: Mapping[str, str]
) -> dict[str, Any]:
    """samconfig.toml's settings of the stage for one of its stacks.

    Args:
        bootstrap: the outputs of the stage's bootstrap stack. If empty, SAM creates a bucket and
            CloudFormation uses the caller's permissions.
    """
    config = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    deploying: dict[str, Any] = config[stage]["deploy"]["parameters"]
    name = part.stack_name(stage)
    if bootstrap:
        del deploying["resolve_s3"]
        deploying |= {"s3_bucket": bootstrap["ArtifactsBucket"], "s3_prefix": name}
        deploying["role_arn"] = bootstrap[f"{part.capitalize()}ExecutionRole"]
    if os.environ.get("CI"):
        # In a pipeline a reviewer approves the job instead.
        deploying["confirm_changeset"] = False
    deploying["stack_name"] = name
    deploying["parameter_overrides"] = " ".join(
        f"{key}={value}" if value else f'{key}=""' for key, value in parameters.items()
    )
    return {"version": 0.1, stage: {"deploy": {"parameters": deploying}}}
