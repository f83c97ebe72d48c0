"""The roles of infrastructure/bootstrap.yaml, and the AWS calls of CloudFormation with them.

CloudFormation assumes an execution role for each stack. `calls` lists, for every resource of an
expanded template, the actions that AWS's own resource schema names for creating, reading, updating
and deleting it. `resource_permissions.json` holds those. Actions for features that no stack uses
are in `UNUSED` and `UNUSED_OF`.
"""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from deployment.bootstrap import TEMPLATE
from deployment.stacks import Part
from deployment.template import read_template
from testkit.expansion import expanded
from testkit.policies import statements_of, texts
from testkit.template import ACCOUNT, REGION, Json, Template, template

SCHEMAS: dict[str, list[str]] = json.loads(
    Path(__file__).with_name("resource_permissions.json").read_text(encoding="utf-8")
)["permissions"]


def aws(service: str, resource: str) -> str:
    """The ARN of a resource of the tests' account and region."""
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def iam(resource: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:{resource}"


def gateway(path: str) -> str:
    return f"arn:aws:apigateway:{REGION}::{path}"


STAGES = ("dev", "staging", "prod")
ROLES = {part: f"{part.capitalize()}ExecutionRole" for part in Part}
DOMAINS = {
    "PublicUrl": "https://api.example.com",
    "PagesUrl": "https://app.example.com",
    "EmbedUrl": "https://embed.example.com",
    "CertificateArn": aws("acm", "certificate/a"),
}

# Services and actions of features that no resource here uses.
UNUSED = (
    "S3:", "amplify:", "appsync:", "apprunner:", "bedrock-agentcore:", "cloudfront:", "ec2:",
    "elasticfilesystem:", "elasticloadbalancing:", "firehose:", "kinesis:", "s3files:", "s3tables:",
    "backup-storage:Mount$",
)  # fmt: skip
UNUSED_OF = {
    # The Service Authorization Reference has no such actions: tags are set by PUT on /tags.
    # Notifications and policies of a vault; and the lock is not to be removed.
    "AWS::Backup::BackupVault": (
        "backup:DeleteBackupVaultAccessPolicy", "backup:DeleteBackupVaultLockConfiguration",
        "backup:DeleteBackupVaultNotifications", "backup:PutBackupVaultAccessPolicy",
        "backup:PutBackupVaultNotifications",
    ),
    "AWS::Backup::BackupSelection": ("iam:CreateServiceLinkedRole", "iam:GetRole"),
    "AWS::Cognito::UserPool": ("iam:", "kms:"),  # SMS, and triggers with a key
    "AWS::Cognito::UserPoolClient": ("iam:",),  # Pinpoint
    "AWS::Cognito::UserPoolDomain": ("iam:", "kms:"),  # a host of one's own
    # Imports, replicas, Kinesis, resource policies: the role reads and writes no item.
    "AWS::DynamoDB::Table": (
        "dynamodb:AssociateTableReplica", "dynamodb:BatchWriteItem", "dynamodb:CreateTableReplica",
        "dynamodb:DeleteItem", "dynamodb:DeleteResourcePolicy", "dynamodb:DescribeImport",
        "dynamodb:DisableKinesis", "dynamodb:EnableKinesis", "dynamodb:GetItem",
        "dynamodb:ImportTable", "dynamodb:PutItem", "dynamodb:PutResourcePolicy", "dynamodb:Query",
        "dynamodb:Scan", "dynamodb:UpdateItem", "dynamodb:UpdateKinesis", "iam:", "kms:", "logs:",
        "s3:",
    ),
    "AWS::IAM::Role": ("iam:DeleteRolePermissionsBoundary",),
    "AWS::KMS::Key": ("kms:DisableKey", "kms:DisableKeyRotation", "kms:EnableKey$"),
    "AWS::Lambda::EventSourceMapping": ("kms:",),
    "AWS::Lambda::Function": ("kms:", "lambda:GetCodeSigningConfig", "lambda:PassCapacityProvider"),
    "AWS::Logs::LogGroup": (
        "logs:AssociateKmsKey", "logs:DeleteDataProtectionPolicy", "logs:DeleteIndexPolicy",
        "logs:DeleteResourcePolicy", "logs:DisassociateKmsKey", "logs:PutBearerTokenAuthentication",
        "logs:PutDataProtectionPolicy", "logs:PutIndexPolicy", "logs:PutLogGroupDeletionProtection",
        "s3:",
    ),
    "AWS::S3::Bucket": (
        "iam:", "kms:", "s3:CreateBucketMetadata", "s3:DeleteBucketAnalytics",
        "s3:DeleteBucketCors",
        "s3:DeleteBucketEncryption", "s3:DeleteBucketLifecycle", "s3:DeleteBucketMetadata",
        "s3:DeleteBucketMetrics", "s3:DeleteBucketReplication", "s3:DeleteBucketWebsite",
        "s3:DeleteObject", "s3:GetObject", "s3:PutAccelerate", "s3:PutAnalytics",
        "s3:PutBucketAbac",
        "s3:PutBucketAcl", "s3:PutBucketCORS", "s3:PutBucketLogging", "s3:PutBucketNotification",
        "s3:PutBucketObjectLock", "s3:PutBucketReplication", "s3:PutBucketWebsite",
        "s3:PutIntelligentTiering", "s3:PutInventory", "s3:PutMetrics", "s3:PutObject",
        "s3:PutReplication", "s3:UpdateBucketMetadata",
    ),
    "AWS::SNS::Topic": ("sns:PutDataProtectionPolicy", "iam:"),
    "AWS::CloudWatch::Alarm": ("iam:",),
    "AWS::SecretsManager::Secret": (
        "secretsmanager:RemoveRegionsFromReplication", "secretsmanager:ReplicateSecretToRegions",
    ),
    "AWS::ApiGateway::RestApi": ("iam:PassRole", "s3:"),
    "AWS::CodeDeploy::DeploymentGroup": ("codedeploy:RegisterOnPremisesInstance",),
    "AWS::WAFv2::LoggingConfiguration": ("iam:DescribeOrganization", "s3:"),
    "AWS::WAFv2::WebACL": ("wafv2:PutPermissionPolicy", "wafv2:GetPermissionPolicy"),
    "AWS::WAFv2::WebACLAssociation": (
        "cognito-idp:", "wafv2:GetPermissionPolicy", "wafv2:PutPermissionPolicy",
    ),
    "AWS::Events::Rule": ("iam:",),
}  # fmt: skip

TAG = "aws:ResourceTag/stage"


@cache
def bootstrap(stage: str) -> Template:
    return Template(read_template(TEMPLATE), Stage=stage, Repository="owner/name")


def arn_of_role(stage: str, logical_id: str) -> str:
    name = bootstrap(stage).resources[logical_id]["Properties"]["RoleName"]
    return iam(f"role/craftkit/{name}")


@cache
def names(stage: str) -> dict[str, str]:
    """Physical ids of the bootstrap stack's resources."""
    found = {
        "Artifacts": f"craftkit-bootstrap-{stage}-artifacts-a1b2",
        "Artifacts.Arn": f"arn:aws:s3:::craftkit-bootstrap-{stage}-artifacts-a1b2",
        "Boundary": iam(f"policy/craftkit/craftkit-{stage}-{REGION}-boundary"),
        "OtherStages": iam(f"policy/craftkit/craftkit-{stage}-{REGION}-other-stages"),
        "AWS::StackId": aws("cloudformation", f"stack/craftkit-bootstrap-{stage}/0"),
    }
    for role in [*ROLES.values(), "DeployRole"]:
        found[f"{role}.Arn"] = arn_of_role(stage, role)
    return found


@cache
def policies(stage: str, role: str) -> list[Json]:
    """All policy documents of a role of the bootstrap stack."""
    resources = bootstrap(stage).resources
    properties = resources[role]["Properties"]
    documents = [policy["PolicyDocument"] for policy in properties["Policies"]]
    documents += [
        resources[managed["Ref"]]["Properties"]["PolicyDocument"]
        for managed in properties["ManagedPolicyArns"]
    ]
    resolved: list[Json] = bootstrap(stage).resolve(documents, names(stage))
    return resolved


@cache
def boundary(stage: str) -> Json:
    document = bootstrap(stage).resources["Boundary"]["Properties"]["PolicyDocument"]
    resolved: Json = bootstrap(stage).resolve(document, names(stage))
    return resolved


@cache
def resources(stage: str, part: Part) -> dict[str, Json]:
    """A stack's resources with their conditions applied."""
    given = template(stage, part)._parameters | DOMAINS
    given |= {"PermissionsBoundary": names(stage)["Boundary"]}
    if part is not Part.APPLICATION:
        return Template(read_template(part.template), **given).resources
    document = expanded(read_template(part.template), given)
    return Template(document, **given).resources


def arn(stage: str, stack: str, logical_id: str, resource: Json) -> str:
    """A resource's ARN: its name where the template gives one, or else CloudFormation's."""
    properties = resource.get("Properties", {})

    def named(key: str) -> str:
        value = properties.get(key)
        return value if isinstance(value, str) else f"{stack}-{logical_id}-A1B2C3D4E5F6"

    match resource["Type"].split("::")[1:]:
        case ["DynamoDB", "Table"]:
            return aws("dynamodb", f"table/{named('TableName')}")
        case ["S3", "Bucket" | "BucketPolicy"]:
            return f"arn:aws:s3:::{stack}-{logical_id}-a1b2c3".lower()
        case ["SQS", "Queue"]:
            return aws("sqs", f"{named('QueueName')}")
        case ["SNS", "Topic"]:
            return aws("sns", f"{named('TopicName')}")
        case ["SSM", "Parameter"]:
            return aws("ssm", f"parameter{named('Name')}")
        case ["Events", "Rule"]:
            return aws("events", f"rule/{named('Name')}")
        case ["SecretsManager", "Secret"]:
            return aws("secretsmanager", f"secret:{logical_id}-A1B2C3-XyZ")
        case ["KMS", "Key"]:
            return aws("kms", "key/00000000-0000-0000-0000-000000000000")
        case ["Cognito", *_]:
            return aws("cognito-idp", f"userpool/{REGION}_A1B2")
        case ["IAM", "Role"]:
            return iam(f"role/{named('RoleName')}")
        case ["Lambda", "LayerVersion"]:
            return aws("lambda", f"layer:{properties['LayerName']}:1")
        case ["Lambda", "EventSourceMapping"]:
            return aws("lambda", "event-source-mapping:0")
        case ["Lambda", "Function"]:
            return aws("lambda", f"function:{named('FunctionName')}")
        case ["Lambda", "Alias" | "Version" | "Permission"]:
            if "CheckDeployment" in logical_id:
                return aws("lambda", f"function:CodeDeployHook_{stack}:live")
            return aws("lambda", f"function:{stack}-{logical_id}-A1B2:live")
        case ["Logs", "LogGroup"]:
            return aws("logs", f"log-group:{named('LogGroupName')}:*")
        case ["CodeDeploy", "Application"]:
            return aws("codedeploy", f"application:{named('ApplicationName')}")
        case ["CodeDeploy", "DeploymentGroup"]:
            return aws("codedeploy", f"deploymentgroup:{stack}-App-A1/{logical_id}-B2")
        case ["ApiGateway", "DomainName" | "BasePathMapping"] | [
            "ApiGatewayV2",
            "DomainName" | "ApiMapping",
        ]:
            return gateway("/domainnames/api.example.com")
        case ["ApiGateway", *_]:
            return gateway(f"/restapis/a1b2c3/stages/{stage}")
        case ["WAFv2", _]:
            return aws("wafv2", f"regional/webacl/craftkit-{stage}/0")
        case ["Backup", "BackupVault"]:
            return aws("backup", f"backup-vault:{named('BackupVaultName')}")
        case ["Backup", _]:
            return aws("backup", "backup-plan:0")
        case ["XRay", "SamplingRule"]:
            return aws("xray", f"sampling-rule/{properties['SamplingRule']['RuleName']}")
        case ["CloudWatch", "Alarm"]:
            return aws("cloudwatch", f"alarm:{named('AlarmName')}")
        case ["CloudWatch", "Dashboard"]:
            return f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{named('DashboardName')}"
    raise ValueError(f"no ARN is known for {resource['Type']}")


def target(stage: str, stack: str, action: str, own: str) -> str:
    """The target of an action that creates the resource `own`."""
    service, _, verb = action.partition(":")
    match service, verb:
        case "iam", "CreateServiceLinkedRole":
            return iam("role/aws-service-role/any/any")
        case "iam", _ if ":role/" not in own:
            return iam(f"role/{stack}-FunctionRole-A1B2")
        case "s3", "GetObject" | "GetObjectVersion" if ":s3:" not in own:
            return f"arn:aws:s3:::craftkit-bootstrap-{stage}-artifacts-a1b2/code"
        case "codedeploy", "GetDeploymentConfig":
            return aws("codedeploy", "deploymentconfig:any")
        case "codedeploy", _ if ":codedeploy:" not in own:
            return aws("codedeploy", f"deploymentgroup:{stack}-App-A1/Group-B2")
        case "apigateway", "SetWebACL":
            return gateway(f"/restapis/a1b2c3/stages/{stage}")
        case "wafv2", "GetWebACLForResource":
            return gateway(f"/restapis/a1b2c3/stages/{stage}")
        case "xray", "GetSamplingRules":
            return "*"
        case "lambda", "GetLayerVersion" if ":layer:" not in own:
            return aws("lambda", f"layer:{stack}-craftkit:1")
        case "logs", _ if ":log-group:" not in own:
            return "*"
    return own


def context(stage: str, part: Part, kind: str) -> dict[str, str]:
    """Condition keys of a call that the handler of a resource type makes for the stage."""
    passed_to = {
        "Backup": "backup.amazonaws.com",
        "CodeDeploy": "codedeploy.amazonaws.com",
    }.get(kind.split("::")[1], "lambda.amazonaws.com")
    attached = (
        "AWSBackupServiceRolePolicyForBackup"
        if part is Part.DATA
        else "AWSLambdaBasicExecutionRole"
    )
    services = {"WAFv2": "wafv2.amazonaws.com", "Backup": "backup.amazonaws.com"}
    return {
        TAG: stage,
        "aws:RequestTag/stage": stage,
        "iam:PermissionsBoundary": names(stage)["Boundary"],
        "iam:PassedToService": passed_to,
        "iam:PolicyARN": f"arn:aws:iam::aws:policy/service-role/{attached}",
        "iam:AWSServiceName": services.get(kind.split("::")[1], "ops.apigateway.amazonaws.com"),
        "kms:ViaService": f"backup.{REGION}.amazonaws.com",
        "lambda:FunctionArn": aws("lambda", f"function:craftkit-{stage}-F-A1:live"),
    }


def is_used(kind: str, action: str) -> bool:
    skipped = (*UNUSED, *UNUSED_OF.get(kind, ()))
    return not any(
        action == each[:-1] if each.endswith("$") else action.startswith(each) for each in skipped
    )


def calls(stage: str, part: Part) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Action, target and condition keys of CloudFormation's calls for a stack."""
    stack = part.stack_name(stage)
    for logical_id, resource in resources(stage, part).items():
        kind = resource["Type"]
        own = arn(stage, stack, logical_id, resource)
        for action in SCHEMAS[kind]:
            if is_used(kind, action):
                yield action, target(stage, stack, action, own), context(stage, part, kind)


def function_rights(stage: str) -> Iterator[tuple[str, Json, str, str, dict[str, str]]]:
    """Role, policy document, action, resource and condition keys of each right of each function."""
    worked_out = Template(read_template(Part.APPLICATION.template), **template(stage)._parameters)
    known = _physical_names(stage)
    for name, role in resources(stage, Part.APPLICATION).items():
        if role["Type"] != "AWS::IAM::Role":
            continue
        for policy in role["Properties"].get("Policies", []):
            document = worked_out.resolve(policy["PolicyDocument"], known)
            for statement in statements_of(document):
                keys = {TAG: stage, **_example(statement.get("Condition", {}))}
                for action in texts(statement["Action"]):
                    for on in texts(statement["Resource"]):
                        yield name, document, action, on, keys


def _physical_names(stage: str) -> dict[str, str]:
    known: dict[str, str] = {}
    data = Part.DATA.stack_name(stage)
    for name, each in resources(stage, Part.DATA).items():
        if each["Type"] in _DATA:
            value = arn(stage, data, name, each)
            known |= {name: value, f"{name}Arn": value, f"{name}StreamArn": f"{value}/stream/1"}
    stack = Part.APPLICATION.stack_name(stage)
    for name, each in resources(stage, Part.APPLICATION).items():
        if each["Type"] in ("AWS::SQS::Queue", "AWS::Lambda::Function"):
            known[f"{name}.Arn"] = arn(stage, stack, name, each)
        if each["Type"] == "AWS::Lambda::Alias":
            known[name] = aws("lambda", f"function:{stack}-{name}-A1:live")
    return known


def _example(condition: Json) -> dict[str, str]:
    """Context values that satisfy a condition."""
    return {
        key: texts(values)[0].replace("*", "x")
        for keys in condition.values()
        for key, values in keys.items()
    }


_DATA = (
    "AWS::Cognito::UserPool",
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
)
