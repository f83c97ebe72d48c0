"""How many resources each stack of prod has, of the 500 that CloudFormation allows."""

import json
import subprocess
from collections.abc import Iterable

from benchmarks.measurement import Result
from deployment.stacks import Part
from deployment.template import Template, read_template
from deployment.workspace import ROOT, TOOLS, environment

# With domains: the maximum of a stage.
_PARAMETERS = {
    "Stage": "prod",
    "PublicUrl": "https://api.example.com",
    "PagesUrl": "https://app.example.com",
    "EmbedUrl": "https://embed.example.com",
    "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/a",
    "FirewallName": "craftkit-prod",
}


def measure() -> Iterable[Result]:
    for part in Part:
        yield Result(f"template.resources.{part}", _count(part), "resources", target="value <= 450")


def _count(part: Part) -> int:
    if part is not Part.APPLICATION:
        return len(Template(read_template(part.template), **_PARAMETERS).resources)
    expand = [TOOLS / "sam" / "bin" / "python", ROOT / "deployment" / "expand.py", part.template]
    parameters = [f"{name}={value}" for name, value in _PARAMETERS.items()]
    done = subprocess.run(
        [*expand, *parameters], env=environment(), capture_output=True, text=True, check=True
    )
    return len(json.loads(done.stdout)["Resources"])
