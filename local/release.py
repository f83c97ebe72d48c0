"""Releases: built once, packed with their bill of materials, deployed stage by stage.

The same by hand and in a pipeline. What a pipeline knows better comes in variables:
`AWS_ARTIFACTS_BUCKET` and `AWS_EXECUTION_ROLE_ARN` (see `infrastructure/bootstrap.yaml`), and for
a stage with names of its own `PUBLIC_URL`, `PAGES_URL`, `CERTIFICATE_ARN`; also `ALARM_EMAIL`.
"""

import json
import os
import subprocess
import tarfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3

from local.build import DEPLOYED_BUILD, build_for_deploy
from local.pruning import prune
from local.stack import name_of
from local.template import read_template
from local.tools import HOME, ROOT, TOOLS, LocalError

RELEASE = ROOT / "dist" / "craftkit.tar.gz"
BILL = "bill-of-materials.json"

_PARAMETERS = {
    "PUBLIC_URL": "PublicUrl",
    "PAGES_URL": "PagesUrl",
    "CERTIFICATE_ARN": "CertificateArn",
    "ALARM_EMAIL": "AlarmEmail",
}


def pack() -> Path:
    """Build for AWS, and pack what was built with its bill of materials, ready to be signed."""
    return pack_build(build_for_deploy(), RELEASE)


def pack_build(build: Path, release: Path) -> Path:
    (build / BILL).write_text(bill_of_materials(), encoding="utf-8")
    release.parent.mkdir(exist_ok=True)
    with tarfile.open(release, "w:gz", compresslevel=6) as archive:
        archive.add(build, arcname="build")
    (release.parent / BILL).write_bytes((build / BILL).read_bytes())
    return release


def unpack(release: Path, folder: Path) -> Path:
    """The build in a release, unpacked into `folder`.

    Raises:
        LocalError: there is no such release.
    """
    if not release.is_file():
        raise LocalError(f"There is no release at {release}. Make one: make release")
    with tarfile.open(release) as archive:
        archive.extractall(folder, filter="data")
    return folder / "build"


def bill_of_materials() -> str:
    """What the layers carry, with versions and hashes, as CycloneDX 1.5 JSON."""
    groups = [
        part
        for folder in sorted((ROOT / "layers").glob("*/requirements.txt"))
        for part in ("--only-group", f"layer-{folder.parent.name}")
    ]
    done = subprocess.run(
        [TOOLS / "uv" / "bin" / "uv", "export", "--quiet", "--frozen", "--offline",
         "--format", "cyclonedx1.5", "--preview-features", "sbom-export", *groups],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return json.dumps(json.loads(done.stdout), indent=2) + "\n"


def deploy(stage: str, build: Path = DEPLOYED_BUILD, **parameters: str) -> None:
    """Deploy with the AWS credentials of the environment, and guard the stack where it is to be.

    Versions of functions that no alias leads to any more go; see `local.pruning`.

    Args:
        parameters: of the template, beside the stage's own and those of the environment.

    Raises:
        LocalError: there is nothing built, or SAM failed; what it said stands above.
    """
    template = build / "template.yaml"
    if not template.is_file():
        raise LocalError(f"Nothing is built in {build}. Build first: make build")
    HOME.mkdir(exist_ok=True)
    settings = HOME / f"samconfig.{stage}.yaml"  # JSON is YAML too
    settings.write_text(json.dumps(settings_of(stage, os.environ, parameters), indent=2))
    sam = TOOLS / "sam" / "bin" / "sam"
    command: list[str | Path] = [sam, "deploy", "--config-file", settings, "--config-env", stage]
    environment = os.environ | {"PATH": f"{sam.parent}:{os.environ['PATH']}"}
    done = subprocess.run([*command, "--template-file", template], env=environment, cwd=ROOT)
    if done.returncode != 0:
        raise LocalError(f"The deploy of {stage} failed; callers are on the version before.")
    prune(stage)
    if is_protected(stage):
        boto3.client("cloudformation").update_termination_protection(
            StackName=name_of(stage), EnableTerminationProtection=True
        )


def settings_of(
    stage: str, environ: Mapping[str, str], parameters: Mapping[str, str]
) -> dict[str, Any]:
    """samconfig.toml's settings of the stage, with what the environment knows better."""
    config = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    deploying: dict[str, Any] = config[stage]["deploy"]["parameters"]
    if bucket := environ.get("AWS_ARTIFACTS_BUCKET"):
        del deploying["resolve_s3"]
        deploying |= {"s3_bucket": bucket, "s3_prefix": name_of(stage)}
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
