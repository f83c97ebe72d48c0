"""A digest of each function's configuration, written into what is deployed.

SAM publishes a version when the text of a function's properties changes. A parameter or a setting
of StageConfig is not in that text: it is a Ref or a FindInMap, whatever its value. Without a digest
of the values, such a change would reach `$LATEST` and no alias.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from deployment.template import Json, Template, read_template

# What is no part of a version. A change of it takes effect without one.
_UNVERSIONED = {
    "CodeUri",
    "DeploymentPreference",
    "Description",
    "Events",
    "Policies",
    "ReservedConcurrentExecutions",
}


def write_with_digests(template: Path, parameters: Mapping[str, str], target: Path) -> Path:
    """Write the template as JSON, each function described by the digest of its configuration.

    Args:
        parameters: all that the stack will be deployed with.
        target: beside the template, whose paths to code are relative.
    """
    document = with_digests(read_template(template), parameters)
    target.write_text(json.dumps(document, indent=1, default=str), encoding="utf-8")
    return target


def with_digests(document: Json, parameters: Mapping[str, str]) -> Json:
    """The template with each function described by the digest of its configuration."""
    digests = digests_of(document, parameters)
    resources = dict(document["Resources"])
    for name, digest in digests.items():
        properties = resources[name]["Properties"] | {"Description": f"Configuration {digest}"}
        resources[name] = resources[name] | {"Properties": properties}
    return document | {"Resources": resources}


def digests_of(document: Json, parameters: Mapping[str, str]) -> dict[str, str]:
    """By function: a digest of what its versions hold besides the code."""
    return {
        name: _digest({key: properties[key] for key in properties.keys() - _UNVERSIONED})
        for name, properties in Template(document, **parameters).functions.items()
    }


def _digest(properties: Json) -> str:
    text = json.dumps(properties, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
