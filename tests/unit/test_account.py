"""The account that a deployment works in: one region for every tool, and a sufficient quota."""

import json
from pathlib import Path
from unittest.mock import patch

import pytest

from deployment.account import check_concurrency, needed_concurrency, use_region
from deployment.workspace import TaskError

HOOKED = {"Enabled": True, "Type": "Canary10Percent5Minutes"}
AT_ONCE = {"Enabled": False}


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_use_region__one_variable_sets_both(name: str) -> None:
    environ = {name: "eu-central-1"}
    assert use_region(environ) == "eu-central-1"
    assert environ == {"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1"}


def test_use_region__two_different_ones_are_refused() -> None:
    """boto3 and SAM would deploy to one region, and other tools look in the other."""
    environ = {"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "us-east-1"}
    with pytest.raises(TaskError, match="AWS_DEFAULT_REGION is us-east-1"):
        use_region(environ)


def test_use_region__a_missing_region_is_an_error_with_the_fix(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    with pytest.raises(TaskError, match="export AWS_REGION"):
        use_region({})


def build_of(folder: Path, reserved: tuple[int, ...], preference: dict[str, object]) -> Path:
    functions = {
        f"F{number}": {
            "Type": "AWS::Serverless::Function",
            "Properties": {"ReservedConcurrentExecutions": each, "DeploymentPreference": preference}
            if each
            else {"DeploymentPreference": preference},
        }
        for number, each in enumerate(reserved)
    }
    template = {"Parameters": {"Stage": {"Type": "String"}}, "Resources": functions}
    (folder / "template.yaml").write_text(json.dumps(template))
    return folder


def test_needed_concurrency__is_the_reserved_sum_and_100(tmp_path: Path) -> None:
    build = build_of(tmp_path, (50, 200, 0), HOOKED)
    assert needed_concurrency(build, {"Stage": "prod"}) == 350


def test_needed_concurrency__without_reservations_leaves_room_for_the_checks(
    tmp_path: Path,
) -> None:
    assert needed_concurrency(build_of(tmp_path, (0, 0, 0), HOOKED), {"Stage": "prod"}) == 3
    assert needed_concurrency(build_of(tmp_path, (0, 0, 0), AT_ONCE), {"Stage": "dev"}) == 0


@pytest.mark.parametrize(("quota", "fits"), [(10, False), (349, False), (350, True), (1000, True)])
def test_check_concurrency__a_small_quota_stops_the_deployment_with_the_command_to_raise_it(
    tmp_path: Path, quota: int, fits: bool
) -> None:
    build = build_of(tmp_path, (50, 200, 0), HOOKED)
    with patch("deployment.account.boto3.client") as client:
        settings = {"AccountLimit": {"ConcurrentExecutions": quota}}
        client.return_value.get_account_settings.return_value = settings
        if fits:
            check_concurrency(build, {"Stage": "prod"})
            return
        with pytest.raises(TaskError, match=rf"(?s)needs 350 .*quota is {quota}.*L-B99A9384"):
            check_concurrency(build, {"Stage": "prod"})
