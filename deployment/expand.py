"""Prints the application's expanded template: SAM's transform applied.

Run by the SAM tool's own Python, which has the transform:
`python deployment/expand.py TEMPLATE NAME=VALUE…`, the parameters with their values.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class _NoManagedPolicies:
    def load(self) -> dict[str, str]:
        return {}


def expand(template: Path, parameters: dict[str, str]) -> dict[str, Any]:
    document: dict[str, Any] = yaml_parse(template.read_text(encoding="utf-8"))
    for resource in document["Resources"].values():
        properties = resource.get("Properties", {})
        for name in {"CodeUri", "ContentUri"} & properties.keys():
            if not properties[name].startswith("s3://"):
                properties[name] = "s3://artifacts/code"
    expanded: dict[str, Any] = transform(document, parameters, _NoManagedPolicies())
    return expanded


if __name__ == "__main__":
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    values = dict(argument.split("=", 1) for argument in sys.argv[2:])
    json.dump(expand(Path(sys.argv[1]), values), sys.stdout, indent=1, default=str)
