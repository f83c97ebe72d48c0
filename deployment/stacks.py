"""The stacks of a stage: their templates, their order, and what one passes to the next.

Each is deployed after those before it in `Part`. An output of one stack is passed to every later
stack that has a parameter of the same name.
"""

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from deployment.template import Template, read_template
from deployment.workspace import ROOT


class Part(StrEnum):
    """One stack of a stage, in the order of deployment."""

    DATA = "data"
    APPLICATION = "application"
    EDGE = "edge"
    MONITORING = "monitoring"

    @property
    def template(self) -> Path:
        """The template in the repository."""
        if self is Part.APPLICATION:
            return ROOT / "template.yaml"
        return ROOT / "infrastructure" / f"{self}.yaml"

    def stack_name(self, stage: str) -> str:
        """`craftkit-dev` for the application of dev, `craftkit-dev-data` for its data."""
        return f"craftkit-{stage}" if self is Part.APPLICATION else f"craftkit-{stage}-{self}"


def stack_name(stage: str) -> str:
    """The name of the stage's application stack."""
    return Part.APPLICATION.stack_name(stage)


def write_templates(build: Path) -> None:
    """Write the templates that SAM does not build into a build, as JSON.

    JSON, because CloudFormation does not resolve YAML's merges.
    """
    for part in Part:
        if part is not Part.APPLICATION:
            path = built_template(part, build)
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(read_template(part.template), indent=1), encoding="utf-8")


def built_template(part: Part, build: Path) -> Path:
    """The part's template in a build."""
    if part is Part.APPLICATION:
        return build / "template.yaml"
    return build / "infrastructure" / f"{part}.json"


def parameters_of(template: Path, known: Mapping[str, str]) -> dict[str, str]:
    """The known values that the template declares parameters for."""
    declared = read_template(template).get("Parameters", {})
    return {name: value for name, value in known.items() if name in declared}


def has_resources(template: Path, parameters: Mapping[str, str]) -> bool:
    """Whether the stack has resources in this stage: dev has no edge and no monitoring."""
    return bool(Template(read_template(template), **parameters).resources)


def is_protected(stage: str, build: Path) -> bool:
    """Whether the stage's data is protected against deletion, as StageConfig of data.yaml says."""
    by_stage = read_template(built_template(Part.DATA, build))["Mappings"]["StageConfig"]
    return bool(by_stage[stage]["Protected"] == "true")


def present_stacks(cloudformation: Any, stage: str) -> list[str]:
    """The names of the stage's stacks that exist, in the order of their deployment."""
    return [
        part.stack_name(stage)
        for part in Part
        if describe(cloudformation, part.stack_name(stage)) is not None
    ]


def describe(cloudformation: Any, name: str) -> dict[str, Any] | None:
    """A stack as CloudFormation describes it, or None where there is none."""
    try:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        return None
    # Only a change set was created so far.
    return None if stack["StackStatus"] == "REVIEW_IN_PROGRESS" else dict(stack)


def outputs_of(cloudformation: Any, name: str) -> dict[str, str]:
    """The outputs of a stack, by name."""
    stack = describe(cloudformation, name) or {}
    return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}


def previous_parameters(cloudformation: Any, name: str) -> dict[str, str]:
    """The current parameters of a stack. A deployment keeps those that it does not set."""
    stack = describe(cloudformation, name) or {}
    return {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", [])}
