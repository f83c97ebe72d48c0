"""The roles of infrastructure/bootstrap.yaml have exactly the permissions of the pipeline."""

from collections.abc import Iterator
from typing import Any

import pytest

from deployment.stacks import Part
from testkit.pipeline import (
    ROLES,
    STAGES,
    TAG,
    arn_of_role,
    aws,
    bootstrap,
    boundary,
    calls,
    context,
    function_rights,
    gateway,
    iam,
    names,
    policies,
    resources,
)
from testkit.policies import allows, statements_of, texts
from testkit.template import REGION, Json

EVERY_ROLE = [*ROLES.values(), "DeployRole"]
EVERYTHING = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
NEW_ROLE = iam("role/craftkit-dev-NewRole-A1")


@pytest.mark.parametrize("part", Part)
@pytest.mark.parametrize("stage", STAGES)
def test_an_execution_role_has_the_permissions_that_its_stack_needs(stage: str, part: Part) -> None:
    role = policies(stage, ROLES[part])
    refused = {
        f"{action} on {on}" for action, on, keys in calls(stage, part)
        if not allows(role, action, on, keys)
    }  # fmt: skip
    assert refused == set()


class TestStagesOfOneAccount:
    @pytest.mark.parametrize("part", Part)
    def test_an_execution_role_is_denied_the_calls_of_another_stages_role(self, part: Part) -> None:
        role = policies("dev", ROLES[part])
        others = {
            (action, on) for action, on, keys in calls("prod", part)
            if allows(role, action, on, keys)
        }  # fmt: skip
        assert others == set()

    POOL = aws("cognito-idp", "userpool/us-east-1_A1")
    SECRET = aws("secretsmanager", "secret:CursorSecret-A1-XyZ")
    KEY = aws("kms", "key/0")

    @pytest.mark.parametrize(
        ("part", "action", "on"),
        [
            (Part.DATA, "secretsmanager:UpdateSecret", SECRET),
            (Part.DATA, "secretsmanager:DeleteSecret", SECRET),
            (Part.DATA, "secretsmanager:GetSecretValue", SECRET),
            (Part.DATA, "cognito-idp:UpdateUserPool", POOL),
            (Part.DATA, "cognito-idp:DeleteUserPool", POOL),
            (Part.APPLICATION, "cognito-idp:UpdateUserPoolClient", POOL),
            (Part.DATA, "kms:PutKeyPolicy", KEY),
            (Part.DATA, "kms:ScheduleKeyDeletion", KEY),
            (Part.DATA, "backup:DeleteBackupPlan", aws("backup", "backup-plan:0")),
        ],
    )
    def test_resources_with_generated_names_are_limited_by_tag(
        self, part: Part, action: str, on: str
    ) -> None:
        role = policies("dev", ROLES[part])
        assert allows(role, action, on, {TAG: "dev"})
        assert not allows(role, action, on, {TAG: "prod"})
        assert not allows(role, action, on), "without a tag it belongs to something else"

    @pytest.mark.parametrize("path", ["restapis/a1", "restapis/a1/resources/b2"])
    def test_the_api_of_another_stage_is_denied(self, path: str) -> None:
        role = policies("dev", ROLES[Part.APPLICATION])
        for verb in ("GET", "PATCH", "DELETE", "PUT", "POST"):
            on = gateway(f"/{path}")
            assert allows(role, f"apigateway:{verb}", on, {TAG: "dev"})
            assert not allows(role, f"apigateway:{verb}", on, {TAG: "prod"})

    def test_the_firewall_of_another_stages_dashboard_is_denied(self) -> None:
        """The dashboard's API stage has the same name in all stages, so the tag separates them."""
        role = policies("dev", ROLES[Part.EDGE])
        on = gateway("/restapis/a1/stages/dashboard")
        for action in ("apigateway:SetWebACL", "wafv2:AssociateWebACL", "wafv2:DisassociateWebACL"):
            assert allows(role, action, on, {TAG: "dev"})
            assert not allows(role, action, on, {TAG: "prod"})
            assert not allows(role, action, gateway("/restapis/a1/stages/prod"))

    @pytest.mark.parametrize("role", EVERY_ROLE)
    def test_every_role_denies_the_resources_of_other_stages(self, role: str) -> None:
        documents = [*policies("dev", role), EVERYTHING]
        assert not allows(documents, "any:Thing", "arn:any", {TAG: "prod"})
        assert allows(documents, "any:Thing", "arn:any", {TAG: "dev"})
        assert allows(documents, "any:Thing", "arn:any")


class TestData:
    def test_the_application_role_cannot_access_data(self) -> None:
        role = policies("prod", ROLES[Part.APPLICATION])
        wrong = {
            (action, on) for action, on, keys in calls("prod", Part.DATA)
            if allows(role, action, on, keys)
        }  # fmt: skip
        assert wrong == set()
        table = aws("dynamodb", "table/craftkit-prod-data-KeysTable-A")
        for action in ("dynamodb:GetItem", "dynamodb:DeleteItem", "dynamodb:DeleteTable"):
            assert not allows(role, action, table)
        bucket = "arn:aws:s3:::craftkit-prod-data-documentsbucket-a"
        for action in ("s3:GetObject", "s3:DeleteBucket"):
            assert not allows(role, action, bucket)
            assert not allows(role, action, f"{bucket}/renders/x")

    @pytest.mark.parametrize("role", EVERY_ROLE)
    def test_no_role_deletes_a_backup_or_removes_the_vaults_lock(self, role: str) -> None:
        vault = aws("backup", "backup-vault:craftkit-prod")
        recovery_point = aws("dynamodb", "table/craftkit-prod-data-x/backup/1")
        for action in ("backup:DeleteBackupVaultLockConfiguration", "backup:DeleteRecoveryPoint"):
            for on in (vault, recovery_point):
                assert not allows(policies("prod", role), action, on, {TAG: "prod"})


class TestCreatedRoles:
    @pytest.mark.parametrize(
        "action", ["iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"]
    )
    def test_roles_without_the_boundary_cannot_be_created(self, action: str) -> None:
        role = policies("dev", ROLES[Part.APPLICATION])
        assert allows(role, action, NEW_ROLE, {"iam:PermissionsBoundary": names("dev")["Boundary"]})
        assert not allows(role, action, NEW_ROLE)
        others = {"iam:PermissionsBoundary": names("prod")["Boundary"]}
        assert not allows(role, action, NEW_ROLE, others)

    @pytest.mark.parametrize("stage", STAGES)
    @pytest.mark.parametrize("part", Part)
    def test_each_role_has_the_boundary(self, stage: str, part: Part) -> None:
        for name, resource in resources(stage, part).items():
            if resource["Type"] == "AWS::IAM::Role":
                assert resource["Properties"]["PermissionsBoundary"] == names(stage)["Boundary"], (
                    name
                )

    @pytest.mark.parametrize("stage", STAGES)
    def test_the_boundary_allows_what_the_policies_of_every_function_allow(
        self, stage: str
    ) -> None:
        refused = {
            (name, action, on)
            for name, document, action, on, keys in function_rights(stage)
            if not allows([document], action, on, keys, boundary=boundary(stage))
        }
        assert refused == set()

    @pytest.mark.parametrize(
        ("action", "on", "keys"),
        [
            ("iam:CreateUser", "*", {}),
            ("iam:PassRole", NEW_ROLE, {}),
            ("sts:AssumeRole", iam("role/any"), {}),
            ("dynamodb:GetItem", aws("dynamodb", "table/craftkit-prod-data-KeysTable-A"), {}),
            ("dynamodb:DeleteTable", aws("dynamodb", "table/craftkit-dev-data-KeysTable-A"), {}),
            ("secretsmanager:GetSecretValue", aws("secretsmanager", "secret:A"), {TAG: "prod"}),
            ("secretsmanager:GetSecretValue", aws("secretsmanager", "secret:A"), {}),
            ("kms:Decrypt", aws("kms", "key/0"), {TAG: "prod"}),
            ("kms:PutKeyPolicy", aws("kms", "key/0"), {TAG: "dev"}),
            ("s3:GetObject", "arn:aws:s3:::other/x", {}),
            ("lambda:UpdateFunctionCode", aws("lambda", "function:craftkit-dev-F-A"), {}),
            ("backup:DeleteRecoveryPoint", "*", {TAG: "dev"}),
        ],
    )
    def test_the_boundary_gives_no_function_more_than_its_stage(
        self, action: str, on: str, keys: dict[str, str]
    ) -> None:
        assert not allows([EVERYTHING], action, on, keys, boundary=boundary("dev"))

    def test_managed_policies_are_attached_only_to_functions_that_need_them(self) -> None:
        role = policies("dev", ROLES[Part.APPLICATION])
        attachable = {
            "service-role/AWSLambdaBasicExecutionRole": True,
            "AdministratorAccess": False,
        }
        for policy, may in attachable.items():
            keys = {
                "iam:PermissionsBoundary": names("dev")["Boundary"],
                "iam:PolicyARN": f"arn:aws:iam::aws:policy/{policy}",
            }
            assert allows(role, "iam:AttachRolePolicy", NEW_ROLE, keys) is may, policy


class TestPipelineRoles:
    CHANGES = (
        "PutRolePolicy", "AttachRolePolicy", "UpdateAssumeRolePolicy", "DeleteRole", "PassRole",
    )  # fmt: skip
    REPLACEMENTS = ("CreatePolicyVersion", "DeletePolicy", "SetDefaultPolicyVersion")

    @pytest.mark.parametrize("part", Part)
    def test_a_deployment_cannot_change_the_bootstrap_roles(self, part: Part) -> None:
        role = policies("dev", ROLES[part])
        for own in EVERY_ROLE:
            for verb in self.CHANGES:
                keys = context("dev", part, "AWS::IAM::Role")
                assert not allows(role, f"iam:{verb}", arn_of_role("dev", own), keys), (own, verb)
        for policy in ("Boundary", "OtherStages"):
            for verb in self.REPLACEMENTS:
                assert not allows(role, f"iam:{verb}", names("dev")[policy], {TAG: "dev"})
        assert not allows(role, "iam:DeleteRolePermissionsBoundary", NEW_ROLE)

    def test_only_cloudformation_assumes_an_execution_role(self) -> None:
        """Without a condition: AWS documents none for a service role of CloudFormation."""
        for role in ROLES.values():
            trust = bootstrap("dev").resources[role]["Properties"]["AssumeRolePolicyDocument"]
            (statement,) = trust["Statement"]
            assert statement["Principal"] == {"Service": "cloudformation.amazonaws.com"}
            assert "Condition" not in statement

    def test_role_names_contain_the_region(self) -> None:
        for role in EVERY_ROLE:
            name = bootstrap("staging").resources[role]["Properties"]["RoleName"]
            assert REGION in name
            assert len(name.replace(REGION, "ap-southeast-1")) <= 64


# What the commands of the pipeline call: deployment/deploy.py, pruning.py and acceptance.py.
FUNCTION = aws("lambda", "function:craftkit-dev-F-A1")
COMPILE = aws("lambda", "function:craftkit-dev-CompileTemplateFunction-A1:live")
SAM = f"arn:aws:cloudformation:{REGION}:aws:transform/Serverless-2016-10-31"
BUCKET = "arn:aws:s3:::craftkit-bootstrap-dev-artifacts-a1b2"
TABLE = aws("dynamodb", "table/craftkit-dev-data-KeysTable-A1")
STACK_VERBS = (
    "CreateChangeSet", "DeleteChangeSet", "DescribeChangeSet", "DescribeStackEvents",
    "DescribeStacks", "ExecuteChangeSet", "ListStackResources", "TagResource",
    "UpdateTerminationProtection",
)  # fmt: skip
ITEM_VERBS = ("ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem")
COMMANDS = [
    *(
        (f"cloudformation:{verb}", aws("cloudformation", f"stack/{part.stack_name('dev')}/0"))
        for verb in STACK_VERBS
        for part in Part
    ),
    ("cloudformation:CreateChangeSet", SAM),
    ("cloudformation:DescribeStacks", aws("cloudformation", "stack/craftkit-bootstrap-dev/0")),
    ("cloudformation:GetTemplateSummary", "*"),
    ("lambda:GetAccountSettings", "*"),
    ("s3:PutObject", f"{BUCKET}/craftkit-dev/code"),
    ("s3:GetObject", f"{BUCKET}/craftkit-dev/code"),
    ("s3:ListBucket", BUCKET),
    ("lambda:GetAlias", FUNCTION),
    ("lambda:ListVersionsByFunction", FUNCTION),
    ("lambda:DeleteFunction", f"{FUNCTION}:3"),
    ("lambda:InvokeFunction", COMPILE),
    *((f"dynamodb:{verb}", TABLE) for verb in ITEM_VERBS),
]


class TestDeployRole:
    @pytest.mark.parametrize(("action", "on"), COMMANDS)
    def test_a_deploy_role_can_call_what_the_commands_use_in_its_stage_only(
        self, action: str, on: str
    ) -> None:
        assert allows(policies("dev", "DeployRole"), action, on)
        if "-dev" in on:
            assert not allows(policies("prod", "DeployRole"), action, on)

    def test_a_deploy_role_deletes_no_function_and_passes_roles_to_cloudformation_only(
        self,
    ) -> None:
        role = policies("dev", "DeployRole")
        assert not allows(role, "lambda:DeleteFunction", FUNCTION)
        for execution in ROLES.values():
            for service, may in (("cloudformation", True), ("ec2", False)):
                keys = {"iam:PassedToService": f"{service}.amazonaws.com"}
                on = arn_of_role("dev", execution)
                assert allows(role, "iam:PassRole", on, keys) is may


def documents_in(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        if "Statement" in value:
            yield value
        for each in value.values():
            yield from documents_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from documents_in(each)


@pytest.mark.parametrize("stage", STAGES)
def test_every_arn_names_its_service(stage: str) -> None:
    """IAM refuses `arn:aws:*:…`: "Resource vendor must be fully qualified"."""
    found = bootstrap(stage).resolve(bootstrap(stage).resources, names(stage))
    arns = [
        resource
        for document in documents_in(found)
        for statement in statements_of(document)
        for resource in texts(statement.get("Resource", []))
        if resource != "*"
    ]
    assert len(arns) > 60
    for each in arns:
        partition, vendor = each.split(":")[1:3]
        assert "*" not in partition + vendor, each


def test_current_artifacts_do_not_expire() -> None:
    """A rollback of a function that has not changed for a year needs its object."""
    bucket = bootstrap("prod").resources["Artifacts"]["Properties"]
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    assert not [key for key in rule if key.startswith("Expiration")]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
