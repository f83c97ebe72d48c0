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
from deployment.pruning import prune
from deployment.stacks import stack_name
from deployment.template import read_template
from deployment.workspace import HOME, ROOT, TOOLS, TaskError

_PARAMETERS = {
    "PUBLIC_URL": "PublicUrl",
    "PAGES_URL": "PagesUrl",
    "CERTIFICATE_ARN": "CertificateArn",
    "ALARM_EMAIL": "AlarmEmail",
}


def deploy(stage: str, build: Path = DEPLOYED_BUILD, **parameters: str) -> None:
    """Deploy with the AWS credentials of the environment, and guard the stack where it is to be.

    Versions of functions that no alias leads to any more go; see `deployment.pruning`.

    Args:
        parameters: of the template, beside the stage's own and those of the environment.

    Raises:
        TaskError: there is nothing built, or SAM failed; what it said stands above.
    """
    template = build / "template.yaml"
    if not template.is_file():
        raise TaskError(f"Nothing is built in {build}. Build first: make build")
    HOME.mkdir(exist_ok=True)
    settings = HOME / f"samconfig.{stage}.yaml"  # JSON is YAML too
    settings.write_text(json.dumps(settings_of(stage, os.environ, parameters), indent=2))
    sam = TOOLS / "sam" / "bin" / "sam"
    command: list[str | Path] = [sam, "deploy", "--config-file", settings, "--config-env", stage]
    environment = os.environ | {"PATH": f"{sam.parent}:{os.environ['PATH']}"}
    done = subprocess.run([*command, "--template-file", template], env=environment, cwd=ROOT)
    if done.returncode != 0:
        raise TaskError(f"The deploy of {stage} failed; callers are on the version before.")
    prune(stage)
    if is_protected(stage):
        boto3.client("cloudformation").update_termination_protection(
            StackName=stack_name(stage), EnableTerminationProtection=True
        )


def settings_of(
    stage: str, environ: Mapping[str, str], parameters: Mapping[str, str]
) -> dict[str, Any]:
    """samconfig.toml's settings of the stage, with what the environment knows better."""
    config = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    deploying: dict[str, Any] = config[stage]["deploy"]["parameters"]
    if bucket := environ.get("AWS_ARTIFACTS_BUCKET"):
        del deploying["resolve_s3"]
        deploying |= {"s3_bucket": bucket, "s3_prefix": stack_name(stage)}
    if role := environ.get("AWS_EXECUTION_ROLE_ARN"):
        deploying["role_arn"] = role
    if environ.get("CI"):
        # Who approves a pipeline's deploy has done so before it began.
        deploying["confirm_changeset"] = False
    known = {
        parameter: environ[name] for name, parameter in _PARAMETERS.items() if environ.get(name)
    }
    overrides = [f"{name}={value}" for name, value in {**known, **parameters}.items()]
    deploying["parameter_overrides"] = " ".join([deploying["parameter_overrides"], *overrides])
    return {"version": 0.1, stage: {"deploy": {"parameters": deploying}}}


def is_protected(stage: str) -> bool:
    """Whether the stage's data must outlive a mistake, as StageConfig says."""
    by_stage = read_template(ROOT / "template.yaml")["Mappings"]["StageConfig"]
    return bool(by_stage[stage]["Protected"])
