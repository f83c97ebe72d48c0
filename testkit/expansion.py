"""The application's template after SAM's transform."""

import json
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from deployment.digest import with_digests
from deployment.stacks import Part
from deployment.template import Json, read_template
from deployment.workspace import ROOT, TOOLS, environment


@cache
def expansion(stage: str) -> Json:
    """The expanded template of a stage without domains."""
    return expanded(read_template(Part.APPLICATION.template), {"Stage": stage})


def expanded(document: Json, parameters: Mapping[str, str]) -> Json:
    """The template expanded by SAM, with the digests of a deployment."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(with_digests(document, parameters), file, default=str)
        file.flush()
        done = subprocess.run(
            [TOOLS / "sam" / "bin" / "python", ROOT / "deployment" / "expand.py", Path(file.name),
             *(f"{name}={value}" for name, value in parameters.items())],
            env=environment(), capture_output=True, text=True, check=True,
        )  # fmt: skip
    made: Json = json.loads(done.stdout)
    return made


def of_type(expansion: Json, kind: str) -> dict[str, Json]:
    """Properties by logical id of the resources of a type."""
    return {
        name: resource.get("Properties", {})
        for name, resource in expansion["Resources"].items()
        if resource["Type"] == kind
    }


def versions(expansion: Json) -> dict[str, str]:
    """The logical id of the version of each function's alias, by function."""
    found = of_type(expansion, "AWS::Lambda::Version")
    return {version["FunctionName"]["Ref"]: name for name, version in found.items()}
