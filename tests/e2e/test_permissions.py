"""Each role has exactly the permissions of docs/permissions.md, in its own stage only.

The calls are made with the role's credentials and IAM enforced. Their parameters are invalid, so an
allowed call fails validation and changes nothing.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.session import get_session

from craftkit.project_items import MEMBER, MEMBERSHIP, PARTNER, SIGNING_KEY
from testkit.stack import RunningStack
from testkit.template import Part, template
from tools.permissions import is_allowed, rights

DENIED = {"AccessDenied", "AccessDeniedException"}
NOWHERE = b"nothing that was ever sealed"
RIGHTS = rights()
FUNCTIONS = [*template().functions]
TABLES = template(part=Part.DATA).of_type("AWS::DynamoDB::Table")
PREFIXES = ("renders", "inputs", "fonts", "thumbnails", "elsewhere")
SECRETS = [*template(part=Part.DATA).of_type("AWS::SecretsManager::Secret")]
# Those that some function may invoke, and two that none may.
INVOKED = sorted({right.resource for right in RIGHTS if "lambda:InvokeFunction" in right.actions})
NEVER_INVOKED = ["AuthorizeFunction", "DashboardFunction"]


class Attempt(NamedTuple):
    """One call. `marks`: whether it represents its resource in the test of a whole stage."""

    service: str
    action: str
    resource: str
    call: Callable[[Any], object]
    marks: bool = False


class Actor:
    """Clients whose role can be changed, because creating clients is slow."""

    def __init__(self, stack: RunningStack) -> None:
        self._stack = stack
        self._credentials = Credentials("nobody", "nothing")
        core = get_session()
        core._credentials = self._credentials
        session = boto3.Session(botocore_session=core, region_name="us-east-1")
        endpoint = stack.aws_endpoint_url
        services = ("dynamodb", "sqs", "s3", "secretsmanager", "kms", "ssm", "lambda")
        self.clients = {name: session.client(name, endpoint_url=endpoint) for name in services}
        sts = stack.client("sts")
        self._sts, self._account = sts, sts.get_caller_identity()["Account"]
        self._roles = stack.deployed.physical_ids("AWS::IAM::Role")

    def become(self, function: str) -> None:
        role = f"arn:aws:iam::{self._account}:role/{self._roles[f'{function}Role']}"
        worn = self._sts.assume_role(RoleArn=role, RoleSessionName="matrix")["Credentials"]
        self._credentials.access_key = worn["AccessKeyId"]
        self._credentials.secret_key = worn["SecretAccessKey"]
        self._credentials.token = worn["SessionToken"]

    def may(self, attempt: Attempt) -> bool:
        try:
            attempt.call(self.clients[attempt.service])
        except ClientError as error:
            return error.response["Error"]["Code"] not in DENIED
        return True


def attempts_on(stack: RunningStack) -> Iterator[Attempt]:
    yield from on_tables(stack)
    yield from on_queues(stack)
    yield from on_the_bucket(stack)
    yield from on_secrets(stack)
    aliases = stack.deployed.physical_ids("AWS::Lambda::Alias")
    for name in [*INVOKED, *NEVER_INVOKED]:
        if alias := aliases.get(f"{name}Aliaslive"):
            invoke = with_({"FunctionName": alias}, "invoke", InvocationType="DryRun")
            yield Attempt("lambda", "InvokeFunction", name, invoke, marks=True)


def on_tables(stack: RunningStack) -> Iterator[Attempt]:
    names = stack.deployed.physical_ids("AWS::DynamoDB::Table")
    for table, properties in TABLES.items():
        at = {"TableName": names[table]}
        yield Attempt("dynamodb", "GetItem", table, with_(at, "get_item", Key={}), marks=True)
        yield Attempt("dynamodb", "PutItem", table, with_(at, "put_item", Item={}))
        yield Attempt("dynamodb", "UpdateItem", table, with_(at, "update_item", Key={}))
        yield Attempt("dynamodb", "DeleteItem", table, with_(at, "delete_item", Key={}))
        yield Attempt("dynamodb", "Query", table, with_(at, "query"))
        yield Attempt("dynamodb", "Scan", table, with_(at, "scan", FilterExpression="("))
        for index in properties.get("GlobalSecondaryIndexes", []):
            name = index["IndexName"]
            call = with_(at, "query", IndexName=name)
            yield Attempt("dynamodb", "Query", f"{table}/index/{name}", call)


def on_queues(stack: RunningStack) -> Iterator[Attempt]:
    for name, url in stack.deployed.physical_ids("AWS::SQS::Queue").items():
        at = {"QueueUrl": url}
        send = with_(at, "send_message", MessageBody="")
        receive = with_(at, "receive_message", MaxNumberOfMessages=99)
        delete = with_(at, "delete_message", ReceiptHandle="none")
        yield Attempt("sqs", "SendMessage", name, send, marks=True)
        yield Attempt("sqs", "ReceiveMessage", name, receive)
        yield Attempt("sqs", "DeleteMessage", name, delete)


def on_the_bucket(stack: RunningStack) -> Iterator[Attempt]:
    at = {"Bucket": stack.outputs["DocumentsBucket"]}
    for prefix in PREFIXES:
        key, resource = f"{prefix}/matrix", f"DocumentsBucket/{prefix}/matrix"
        get = with_(at, "get_object", Key=key)
        # What is not as long or as checked as it says is not kept.
        put = with_(at, "put_object", Key=key, Body=b"x", ContentMD5="AAAAAAAAAAAAAAAAAAAAAA==")
        marks = prefix == "renders"
        yield Attempt("s3", "GetObject", resource, get, marks=marks)
        yield Attempt("s3", "PutObject", resource, put, marks=marks)
        yield Attempt("s3", "DeleteObject", resource, with_(at, "delete_object", Key=key))


def on_secrets(stack: RunningStack) -> Iterator[Attempt]:
    ids = stack.deployed.physical_ids("AWS::SecretsManager::Secret")
    for name in SECRETS:
        read = with_({"SecretId": ids[name]}, "get_secret_value")
        yield Attempt("secretsmanager", "GetSecretValue", name, read, marks=True)
    at = {"KeyId": stack.outputs["VaultKey"]}
    unseal = with_(at, "decrypt", CiphertextBlob=NOWHERE)
    yield Attempt("kms", "Decrypt", "VaultKey", unseal, marks=True)
    yield Attempt("kms", "Encrypt", "VaultKey", with_(at, "encrypt", Plaintext=b""))
    name = {"Name": f"/craftkit-{stack.stage}/embed-url"}
    yield Attempt("ssm", "GetParameter", "EmbedUrlParameter", with_(name, "get_parameter"))


def with_(at: dict[str, str], operation: str, **how: Any) -> Callable[[Any], object]:
    return lambda client: getattr(client, operation)(**at, **how)


@pytest.fixture(scope="module")
def actor(stack: RunningStack) -> Actor:
    return Actor(stack)


def test_each_role_has_exactly_the_permissions_of_the_table(
    stack: RunningStack, actor: Actor
) -> None:
    attempts = [*attempts_on(stack)]
    wrong, allowed = [], 0
    for function in FUNCTIONS:
        actor.become(function)
        for attempt in attempts:
            action = f"{attempt.service}:{attempt.action}"
            may = actor.may(attempt)
            allowed += may
            if may != is_allowed(RIGHTS, function, action, attempt.resource):
                wrong.append((function, action, attempt.resource, "may" if may else "may not"))
    assert not wrong, wrong
    assert allowed > len(FUNCTIONS)


def test_no_role_has_permissions_in_another_stage(staging: RunningStack, actor: Actor) -> None:
    attempts = [attempt for attempt in attempts_on(staging) if attempt.marks]
    passed = []
    for function in FUNCTIONS:
        actor.become(function)
        passed += [
            (function, attempt.action, attempt.resource)
            for attempt in attempts
            if actor.may(attempt)
        ]
    assert not passed


def test_a_data_plane_role_cannot_write_a_member_or_a_partner(
    stack: RunningStack, actor: Actor
) -> None:
    """Valid writes of access data, tried as every role except the dashboard's."""
    projects = stack.outputs["ProjectsTable"]
    rows = [
        MEMBER.key(stack.project_id, "intruder"),
        MEMBERSHIP.key("intruder", stack.project_id),
        PARTNER.key(stack.project_id),
        SIGNING_KEY.key(stack.project_id, "ck_pk_live_intruder"),
    ]
    for function in FUNCTIONS:
        if function == "DashboardFunction":
            continue
        actor.become(function)
        for row in rows:
            key = {name: {"S": value} for name, value in row.items()}
            put = {"Put": {"TableName": projects, "Item": key}}
            calls = [
                lambda client, key=key: client.put_item(TableName=projects, Item=key),
                lambda client, key=key: client.update_item(TableName=projects, Key=key),
                lambda client, key=key: client.delete_item(TableName=projects, Key=key),
                lambda client, put=put: client.transact_write_items(TransactItems=[put]),
            ]
            for call in calls:
                attempt = Attempt("dynamodb", "write", "ProjectsTable", call)
                assert not actor.may(attempt), (function, row)
