"""Adds a digest of each function's configuration to the deployed template.

SAM publishes a version when a function's properties change in the template. Values of parameters
and of StageConfig are not in these properties, only a Ref or a FindInMap. Without a digest of the
values, such a change would update `$LATEST` and no alias.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from deployment.template import Json, Template, read_template

# Properties that are not part of a version: a change takes effect without a new one.
_UNVERSIONED = {
    "CodeUri",
    "DeploymentPreference",
    "Description",
    "Events",
    "Policies",
    "ReservedConcurrentExecutions",
}


def write_with_digests(template: Path, parameters: Mapping[str, str], target: Path) -> Path:
    """Write the template as JSON, with each function's digest as its description.

    Args:
        parameters: all parameters of the stack.
        target: in the same folder as the template, because paths to code are relative.
    """
    document = with_digests(read_template(template), parameters)
    target.write_text(json.dumps(document, indent=1, default=str), encoding="utf-8")
    return target


def with_digests(document: Json, parameters: Mapping[str, str]) -> Json:
    """The template with each function's digest as its description."""
    digests = digests_of(document, parameters)
    resources = dict(document["Resources"])
    for name, digest in digests.items():
        properties = resources[name]["Properties"] | {"Description": f"Configuration {digest}"}
        resources[name] = resources[name] | {"Properties": properties}
    return document | {"Resources": resources}


def digests_of(document: Json, parameters: Mapping[str, str]) -> dict[str, str]:
    """A digest of the versioned configuration of each function, by logical id."""
    return {
        name: _digest({key: properties[key] for key in properties.keys() - _UNVERSIONED})
        for name, properties in Template(document, **parameters).functions.items()
    }


def _digest(properties: Json) -> str:
    text = json.dumps(properties, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
