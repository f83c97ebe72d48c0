"""The template as CloudFormation gets it: SAM's transform, for one stage, on standard output.

Run by the SAM tool's own Python, which has the transform: `python deployment/expand.py STAGE`.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

TEMPLATE = Path(__file__).resolve().parents[1] / "template.yaml"


class _NoManagedPolicies:
    def load(self) -> dict[str, str]:
        return {}


def expand(stage: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml_parse(TEMPLATE.read_text(encoding="utf-8"))
    for resource in document["Resources"].values():
        for name in {"CodeUri", "ContentUri"} & resource.get("Properties", {}).keys():
            resource["Properties"][name] = "s3://artifacts/code"
    expanded: dict[str, Any] = transform(document, {"Stage": stage}, _NoManagedPolicies())
    return expanded


if __name__ == "__main__":
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    json.dump(expand(sys.argv[1]), sys.stdout, indent=1, default=str)
