"""The stacks' templates resolved for one stage, for the tests."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from deployment.stacks import Part
from deployment.template import Json, Template, read_template

__all__ = ["ACCOUNT", "REGION", "ROOT", "Json", "Part", "Template", "statements", "template"]

ROOT = Path(__file__).resolve().parents[1]
ACCOUNT = "123456789012"
REGION = "us-east-1"


@cache
def template(stage: str = "local", part: Part = Part.APPLICATION) -> Template:
    """A stack's template resolved for a stage."""
    parameters = {"Stage": stage, "RollbackAlarms": "true"}
    by_stage = _document(Part.DATA)["Mappings"]["StageConfig"]
    parameters["DeletionProtection"] = by_stage[stage]["Protected"]
    if stage == "local":
        parameters["AwsEndpointUrl"] = "http://127.0.0.1:4566"
        parameters["PublicUrl"] = parameters["PagesUrl"] = "http://localhost:3000"
        parameters["EmbedUrl"] = "http://127.0.0.1:3000"
        parameters["SealKeySpec"] = "ECC_NIST_P256"
    for earlier in list(Part)[: list(Part).index(part)]:
        parameters |= _known_outputs(template(stage, earlier))
    return Template(_document(part), **parameters)


@cache
def _document(part: Part) -> Json:
    return read_template(part.template)


def _known_outputs(of: Template) -> dict[str, str]:
    """The outputs whose values are known before a deployment."""
    outputs = {
        name: of.resolve(output["Value"])
        for name, output in of.document.get("Outputs", {}).items()
        if "Condition" not in output or of.holds(output["Condition"])
    }
    return {name: str(value) for name, value in outputs.items() if isinstance(value, str | int)}


def statements(properties: Json) -> Iterator[Json]:
    """The inline policy statements of a function, in any of SAM's notations."""
    policies = properties.get("Policies", [])
    for policy in policies if isinstance(policies, list) else [policies]:
        if isinstance(policy, dict) and "Statement" in policy:
            found = policy["Statement"]
            yield from found if isinstance(found, list) else [found]
