"""What the pipelines' make targets do, against the embedded AWS."""

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from deployment import acceptance, pruning, release
from deployment.build import build_for_host
from deployment.deploy import deploy, of_environment, settings_of
from deployment.stacks import Part
from deployment.workspace import TaskError
from tests.support.stack import RunningStack


@pytest.fixture
def credentials(stack: RunningStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of whoever calls make."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", stack.aws_endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("CI", "true")


@pytest.mark.usefixtures("credentials")
def test_make_accept__finds_a_sound_stage_fit(stack: RunningStack) -> None:
    said: list[str] = []
    acceptance.accept(stack.stage, said.append)
    assert any("a document is rendered" in sentence for sentence in said)
    assert any("refused at once" in sentence for sentence in said)


@pytest.mark.usefixtures("credentials")
def test_make_deploy_prod__deploys_a_release_and_guards_the_stack(
    stack: RunningStack, tmp_path: Path
) -> None:
    packed = release.pack_build(build_for_host(), tmp_path / "dist" / "craftkit.tar.gz")
    build = release.unpack(packed, tmp_path / "unpacked")
    deploy("prod", build, AwsEndpointUrl=stack.aws_endpoint_url)
    cloudformation = stack.client("cloudformation")
    statuses = {}
    for part in (Part.DATA, Part.APPLICATION):
        stacks = cloudformation.describe_stacks(StackName=part.stack_name("prod"))["Stacks"]
        statuses[part] = stacks[0]["StackStatus"]
        assert stacks[0]["EnableTerminationProtection"] is True
    # Data is protected in a second step, so that a failed creation can be rolled back.
    assert statuses == {Part.DATA: "UPDATE_COMPLETE", Part.APPLICATION: "CREATE_COMPLETE"}
    tables = [
        each for each in stack.client("dynamodb").list_tables()["TableNames"] if "prod" in each
    ]
    described = [
        stack.client("dynamodb").describe_table(TableName=name)["Table"] for name in tables
    ]
    assert described
    assert all(table["DeletionProtectionEnabled"] for table in described)


@pytest.mark.usefixtures("credentials")
def test_make_deploy__leaves_the_version_that_callers_reach_and_the_one_before(
    stack: RunningStack,
) -> None:
    lambda_ = stack.client("lambda")
    function = stack.deployed.physical_ids("AWS::Lambda::Function")["GetHealthFunction"]
    reached = lambda_.get_alias(FunctionName=function, Name="live")["FunctionVersion"]
    for number in range(3):
        lambda_.update_function_configuration(FunctionName=function, Description=f"no. {number}")
        newest = lambda_.publish_version(FunctionName=function)["Version"]
    assert pruning.prune(stack.stage) >= 1
    versions = {
        each["Version"]
        for each in lambda_.list_versions_by_function(FunctionName=function)["Versions"]
    }
    assert versions == {"$LATEST", reached, newest, str(int(newest) - 1)}
    assert stack.call("GET", "/health").status_code == 200


def settings_of_application(environ: dict[str, str]) -> dict[str, Any]:
    parameters = {"Stage": "prod"} | of_environment(environ)
    return settings_of("prod", Part.APPLICATION, environ, parameters)


def test_a_release_carries_its_bill_of_materials(tmp_path: Path) -> None:
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "template.yaml").write_text("Resources: {}\n")
    packed = release.pack_build(tmp_path / "build", tmp_path / "dist" / "craftkit.tar.gz")
    bill = json.loads((packed.parent / release.BILL).read_text(encoding="utf-8"))
    assert bill["bomFormat"] == "CycloneDX"
    named = {component["name"] for component in bill["components"]}
    assert {"typst", "pydantic", "aws-lambda-powertools", "jinja2"} <= named
    with tarfile.open(packed) as archive:
        assert f"build/{release.BILL}" in archive.getnames()


def test_make_deploy__without_a_build_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="make build"):
        deploy("dev", tmp_path)
    with pytest.raises(TaskError, match="make release"):
        release.unpack(tmp_path / "none.tar.gz", tmp_path)


def test_make_deploy__what_a_pipeline_knows_better_goes_before_samconfig() -> None:
    environ = {
        "CI": "true",
        "AWS_ARTIFACTS_BUCKET": "artifacts",
        "AWS_EXECUTION_ROLE_ARN": "arn:aws:iam::123456789012:role/craftkit-prod-execution",
        "PUBLIC_URL": "https://api.example.com",
        "PAGES_URL": "",
    }
    settings = settings_of_application(environ)["prod"]["deploy"]["parameters"]
    assert (settings["s3_bucket"], settings["s3_prefix"]) == ("artifacts", "craftkit-prod")
    assert "resolve_s3" not in settings
    assert settings["role_arn"] == environ["AWS_EXECUTION_ROLE_ARN"]
    assert settings["confirm_changeset"] is False
    assert settings["parameter_overrides"] == "Stage=prod PublicUrl=https://api.example.com"
    by_hand = settings_of_application({})["prod"]["deploy"]["parameters"]
    assert by_hand["resolve_s3"] is True
    assert by_hand["confirm_changeset"] is True
