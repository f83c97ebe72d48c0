"""A deployment while an alarm is on: `make deploy-<stage> UNGATED=true`."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from deployment import deploy as deploying
from deployment.stacks import Part
from deployment.workspace import ROOT


@pytest.mark.parametrize(("ungated", "alarms"), [(False, "true"), (True, "false")])
def test_deploy__an_ungated_deployment_names_no_alarm(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ungated: bool, alarms: str
) -> None:
    """The parameters of each stack of a deployed stage."""
    given: dict[Part, Mapping[str, str]] = {}

    def note(_stage: str, part: Part, _template: Path, _outputs: Any, known: Any) -> None:
        given[part] = known

    template = tmp_path / "template.json"
    template.write_text("{}")
    names = [part.stack_name("staging") for part in Part]
    for name, value in {
        "built_template": lambda *_: template,
        "bootstrap_outputs": lambda _stage: {"PermissionsBoundary": "boundary"},
        "present_stacks": lambda *_: names,
        "is_protected": lambda *_: False,
        "check_concurrency": lambda *_: None,
        "previous_parameters": lambda *_: {"RollbackAlarms": "true"},
        "parameters_of": lambda _template, known: known,
        "write_with_digests": lambda *_: template,
        "outputs_of": lambda *_: {},
        "prune": lambda _stage: None,
        "_deploy_stack": note,
    }.items():
        monkeypatch.setattr(deploying, name, value)
    deploying.deploy("staging", ungated=ungated)
    assert given[Part.APPLICATION]["RollbackAlarms"] == alarms


@pytest.mark.parametrize(("variable", "is_ungated"), [("UNGATED=true", True), ("", False)])
def test_make_deploy__passes_ungated_to_the_deployment(variable: str, is_ungated: bool) -> None:
    words = ["make", "--dry-run", "deploy-staging", *([variable] if variable else [])]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    [command] = [line for line in done.stdout.splitlines() if "deployment deploy" in line]
    assert ("--ungated" in command) is is_ungated
