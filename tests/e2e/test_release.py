"""The pipelines' make targets, against the embedded AWS."""

import base64
import json
import tarfile
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError

from craftkit.stages import STAGES
from deployment import acceptance, pruning, release
from deployment.bootstrap import GITHUB, bootstrap, bootstrap_outputs, bootstrap_stack
from deployment.build import build_for_host
from deployment.deploy import deploy, of_environment, settings_of
from deployment.stacks import Part
from deployment.workspace import REGION, TaskError
from local.deploy import complete_gateways
from local.dev import route_of
from local.emulator import free_port
from local.front import Front
from local.stack import Deployed, embed_url_of
from testkit.stack import RunningStack

REPOSITORY = "owner/name"


@pytest.fixture
def administrator(stack: RunningStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment variables of an administrator."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", stack.aws_endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("CI", "true")


class PipelineJob:
    """A GitHub job in the environment of a stage, with the stage's deploy role.

    The embedded AWS evaluates the role's trust and policies, as AWS does. It cannot assume the role
    of a stack: what an execution role may do is simulated in test_pipeline_rights.
    """

    def __init__(self, stack: RunningStack, monkeypatch: pytest.MonkeyPatch) -> None:
        self._stack, self._monkeypatch = stack, monkeypatch

    def start(self, stage: str) -> boto3.Session:
        """Bootstrap the stage, and continue with its deploy role."""
        prepare_account(self._stack)
        outputs = bootstrap(stage, REPOSITORY)
        # The embedded AWS has no TLS, which the bucket's policy demands.
        self._stack.client("s3").delete_bucket_policy(Bucket=outputs["ArtifactsBucket"])
        granted = self.assume(outputs["DeployRoleArn"], stage)
        for variable, key in (
            ("AWS_ACCESS_KEY_ID", "AccessKeyId"),
            ("AWS_SECRET_ACCESS_KEY", "SecretAccessKey"),
            ("AWS_SESSION_TOKEN", "SessionToken"),
        ):
            self._monkeypatch.setenv(variable, granted[key])
        return boto3.Session(region_name=REGION)

    def assume(self, role: str, environment: str, repository: str = REPOSITORY) -> dict[str, str]:
        claims = {
            "iss": f"https://{GITHUB}",
            "aud": "sts.amazonaws.com",
            "sub": f"repo:{repository}:environment:{environment}",
        }
        credentials: dict[str, str] = self._stack.client("sts").assume_role_with_web_identity(
            RoleArn=role, RoleSessionName="job", WebIdentityToken=token(claims)
        )["Credentials"]
        return credentials


def token(claims: dict[str, str]) -> str:
    parts = [{"alg": "none"}, claims, {}]
    return ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts
    )


def prepare_account(stack: RunningStack) -> None:
    """GitHub's provider, created by API, because the embedded CloudFormation cannot."""
    iam = stack.client("iam")
    present = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    if not any(each["Arn"].endswith(GITHUB) for each in present):
        iam.create_open_id_connect_provider(
            Url=f"https://{GITHUB}", ClientIDList=["sts.amazonaws.com"], ThumbprintList=["0" * 40]
        )


@pytest.fixture
def job(administrator: None, stack: RunningStack, monkeypatch: pytest.MonkeyPatch) -> PipelineJob:
    return PipelineJob(stack, monkeypatch)


def test_make_bootstrap__creates_only_missing_account_resources(
    job: PipelineJob, stack: RunningStack
) -> None:
    prepare_account(stack)
    first, second = bootstrap("dev", REPOSITORY), bootstrap("staging", REPOSITORY)
    cloudformation = stack.client("cloudformation")

    def held() -> list[set[str]]:
        """The account's resources in each bootstrap stack. An earlier test may have made one."""
        found = []
        for stage in STAGES:
            with suppress(ClientError):  # there is no such stack
                resources = cloudformation.describe_stack_resources(
                    StackName=bootstrap_stack(stage)
                )
                names = {each["LogicalResourceId"] for each in resources["StackResources"]}
                found.append(names & {"GithubIdentity", "GatewayLogRole", "GatewayAccount"})
        return sorted(found, key=len)

    assert len(held()) >= 2
    assert held()[-1] == {"GatewayLogRole", "GatewayAccount"}
    assert held()[-2] == set()
    assert first.keys() == second.keys()
    # Repeated, it takes nothing away, and the repository stays.
    before = held()
    assert bootstrap("dev") == first
    assert held() == before


def test_a_deploy_role_can_be_assumed_only_in_its_stages_environment(job: PipelineJob) -> None:
    job.start("dev")
    role = bootstrap_outputs("dev")["DeployRoleArn"]
    for repository, environment in ((REPOSITORY, "prod"), ("somebody/else", "dev")):
        with pytest.raises(ClientError, match="AccessDenied"):
            job.assume(role, environment, repository)


def test_make_deploy_dev__deploys_prunes_and_accepts_as_the_stages_own_roles(
    job: PipelineJob, stack: RunningStack
) -> None:
    session, port = job.start("dev"), free_port()
    assert "assumed-role/craftkit-dev-" in session.client("sts").get_caller_identity()["Arn"]
    url = f"http://localhost:{port}"
    addresses = {"PublicUrl": url, "PagesUrl": url, "EmbedUrl": embed_url_of(url)}
    deploy("dev", build_for_host(), AwsEndpointUrl=stack.aws_endpoint_url, **addresses)
    deployed = Deployed("dev", stack.aws_endpoint_url)
    # What the embedded AWS does not read from a template: the boundary of roles, which it enforces,
    # and the definitions of the APIs.
    boundary = bootstrap_outputs("dev")["PermissionsBoundary"]
    for role in deployed.physical_ids("AWS::IAM::Role").values():
        stack.client("iam").put_role_permissions_boundary(
            RoleName=role, PermissionsBoundary=boundary
        )
    complete_gateways(deployed)
    address = urlsplit(stack.aws_endpoint_url)
    upstream = (str(address.hostname), int(address.port or 80))
    front = Front(port, upstream, route_of(deployed), host=f"localhost:{port}")
    try:
        said: list[str] = []
        acceptance.accept("dev", said.append)
    finally:
        front.stop()
    assert any("refused at once" in sentence for sentence in said)
    table = deployed.physical_ids("AWS::DynamoDB::Table")["KeysTable"]
    with pytest.raises(ClientError, match="AccessDenied"):
        session.client("dynamodb").delete_table(TableName=table)
    with pytest.raises(ClientError, match="AccessDenied"):
        session.client("cloudformation").describe_stacks(StackName="craftkit-local")
    function = deployed.physical_ids("AWS::Lambda::Function")["GetHealthFunction"]
    with pytest.raises(ClientError, match="AccessDenied"):
        session.client("lambda").delete_function(FunctionName=function)


@pytest.mark.usefixtures("administrator")
def test_make_accept__passes_for_a_working_stage(stack: RunningStack) -> None:
    said: list[str] = []
    acceptance.accept(stack.stage, said.append)
    assert any("a document is rendered" in sentence for sentence in said)
    assert any("refused at once" in sentence for sentence in said)


def test_make_deploy_prod__deploys_a_release_and_protects_the_stack(
    job: PipelineJob, stack: RunningStack, tmp_path: Path
) -> None:
    job.start("prod")
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


@pytest.mark.usefixtures("administrator")
def test_make_deploy__keeps_the_current_and_the_previous_version(
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


BOOTSTRAP = {
    "ArtifactsBucket": "artifacts",
    "ApplicationExecutionRole": "arn:aws:iam::123456789012:role/craftkit/craftkit-prod-application",
    "DataExecutionRole": "arn:aws:iam::123456789012:role/craftkit/craftkit-prod-data",
}


def settings(bootstrap: dict[str, str], environ: dict[str, str], part: Part) -> dict[str, Any]:
    parameters = {"Stage": "prod"} | of_environment(environ)
    of_stage: dict[str, Any] = settings_of("prod", part, bootstrap, parameters)["prod"]
    return dict(of_stage["deploy"]["parameters"])


def test_a_release_contains_its_bill_of_materials(tmp_path: Path) -> None:
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "template.yaml").write_text("Resources: {}\n")
    packed = release.pack_build(tmp_path / "build", tmp_path / "dist" / "craftkit.tar.gz")
    bill = json.loads((packed.parent / release.BILL).read_text(encoding="utf-8"))
    assert bill["bomFormat"] == "CycloneDX"
    named = {component["name"] for component in bill["components"]}
    assert {"typst", "pydantic", "aws-lambda-powertools", "jinja2"} <= named
    with tarfile.open(packed) as archive:
        assert f"build/{release.BILL}" in archive.getnames()


def test_make_deploy__without_a_build_names_make_build(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="make build"):
        deploy("dev", tmp_path)
    with pytest.raises(TaskError, match="make release"):
        release.unpack(tmp_path / "none.tar.gz", tmp_path)


def test_make_deploy__uses_the_bucket_and_the_roles_of_the_bootstrap_stack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CI", "true")
    environ = {"PUBLIC_URL": "https://api.example.com", "PAGES_URL": ""}
    application = settings(BOOTSTRAP, environ, Part.APPLICATION)
    assert (application["s3_bucket"], application["s3_prefix"]) == ("artifacts", "craftkit-prod")
    assert "resolve_s3" not in application
    assert application["role_arn"] == BOOTSTRAP["ApplicationExecutionRole"]
    assert application["confirm_changeset"] is False
    assert application["parameter_overrides"] == "Stage=prod PublicUrl=https://api.example.com"
    data = settings(BOOTSTRAP, environ, Part.DATA)
    assert data["role_arn"] == BOOTSTRAP["DataExecutionRole"]
    assert data["s3_prefix"] == "craftkit-prod-data"


def test_make_deploy__without_a_bootstrap_stack_uses_the_callers_permissions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CI", raising=False)
    by_hand = settings({}, {}, Part.APPLICATION)
    assert by_hand["resolve_s3"] is True
    assert "role_arn" not in by_hand
    assert by_hand["confirm_changeset"] is True


@pytest.mark.parametrize("stage", ["dev", "staging", "prod"])
@pytest.mark.parametrize("part", Part)
def test_make_deploy__tags_every_stack_with_its_stage(stage: str, part: Part) -> None:
    """The roles of a stage are denied all resources with another stage's tag."""
    parameters = settings_of(stage, part, {}, {})[stage]["deploy"]["parameters"]
    assert f"stage={stage}" in parameters["tags"].split()
