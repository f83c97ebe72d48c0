"""The stack's tables, buckets, queues and secrets in moto, as template.yaml describes them."""

import importlib.util
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from unittest.mock import patch

import boto3

from craftkit import config, process_cache
from testkit.template import ACCOUNT, REGION, ROOT, Part, Template, template

Json = dict[str, Any]

_TABLE_PROPERTIES = (
    "AttributeDefinitions",
    "KeySchema",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "LocalSecondaryIndexes",
)


@dataclass(frozen=True)
class LambdaContext:
    """The context object that Lambda passes to a handler."""

    function_name: str
    aws_request_id: str = "00000000-0000-4000-8000-000000000000"
    memory_limit_in_mb: int = 512
    function_version: str = "1"
    remaining_milliseconds: int = 10_000

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_milliseconds


class Cloud:
    """Create it inside `mock_aws`. `names` maps logical ids to physical ids."""

    def __init__(self, application: Template) -> None:
        self.template, self.data = application, data_of(application)
        self.names: dict[str, str] = {}
        self._modules: dict[str, ModuleType] = {}
        for name, properties in self.data.of_type("AWS::DynamoDB::Table").items():
            self._make_table(name, properties)
        for name in self.data.of_type("AWS::S3::Bucket"):
            self._make_bucket(name)
        for name, properties in application.of_type("AWS::SQS::Queue").items():
            self._make_queue(name, properties)
        for name, properties in self.data.of_type("AWS::SecretsManager::Secret").items():
            self._make_secret(name, properties)
        for name, properties in self.data.of_type("AWS::KMS::Key").items():
            made = self._make_key(properties)
            self._know(name, made["KeyId"], Arn=made["Arn"])
        for name in self.data.of_type("AWS::Cognito::UserPool"):
            self._make_user_pool(name)
        self._pass_outputs()
        for name in application.functions:
            self._know(name, name, Arn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
            self.names[f"{name}.Alias"] = f"{self.names[f'{name}.Arn']}:live"

    def table(self, logical_id: str) -> Any:
        """The boto3 table behind a logical id such as `KeysTable`."""
        return boto3.resource("dynamodb").Table(self.names[logical_id])

    def environment(self, *functions: str) -> dict[str, str]:
        """The variables of the functions, by logical id; of all of them when none is named."""
        wanted: dict[str, str] = {}
        for function in functions or self.template.functions:
            for name, value in self.template.environment(function).items():
                known = self.template.resolve(value, self.names)
                wanted[name] = known if isinstance(known, str) else str(_leaf(known))
        # moto handles AWS's own hosts only.
        wanted.pop("AWS_ENDPOINT_URL", None)
        return wanted

    def invoke(self, folder: str, event: Json, *, function: str | None = None) -> Any:
        """Run the handler of `functions/<folder>` with exactly the variables of its function.

        Args:
            function: the logical id, where several functions share the folder.
        """
        logical_id = function or self._only_function_of(folder)
        with variables(self.environment(logical_id)):
            return self.module(folder).handler(event, LambdaContext(logical_id))

    def as_function(self, logical_id: str) -> AbstractContextManager[None]:
        """Set the variables of one function, and no others, within the block."""
        return variables(self.environment(logical_id))

    def module(self, folder: str) -> ModuleType:
        """The module `functions/<folder>/app.py`, imported once per test, as in an environment."""
        if folder not in self._modules:
            path = ROOT / "functions" / folder / "app.py"
            spec = importlib.util.spec_from_file_location(f"functions.{folder}.app", path)
            if spec is None or spec.loader is None:
                raise ImportError(path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            self._modules[folder] = module
        return self._modules[folder]

    def messages(self, queue: str) -> list[Json]:
        """Receive and delete all messages of a queue, by logical id. Returns their bodies."""
        return [json.loads(message["Body"]) for message in self._taken(queue)]

    def groups(self, queue: str) -> list[str]:
        """Receive and delete all messages of a queue. Returns their message group ids."""
        return [message["Attributes"]["MessageGroupId"] for message in self._taken(queue)]

    def _taken(self, queue: str) -> list[Json]:
        client: Any = boto3.client("sqs")
        found: list[Json] = []
        while batch := client.receive_message(
            QueueUrl=self.names[queue], MaxNumberOfMessages=10, AttributeNames=["MessageGroupId"]
        ).get("Messages"):
            for message in batch:
                found.append(message)
                client.delete_message(
                    QueueUrl=self.names[queue], ReceiptHandle=message["ReceiptHandle"]
                )
        return found

    def _only_function_of(self, folder: str) -> str:
        functions = self.template.functions_of(folder)
        if len(functions) != 1:
            raise ValueError(f"functions/{folder} is the code of {functions or 'no function'}")
        return functions[0]

    def _pass_outputs(self) -> None:
        """The outputs of the data stack are parameters of the application."""
        for name, output in self.data.document["Outputs"].items():
            value = self.data.resolve(output["Value"], self.names)
            self.names[name] = str(_leaf(value))

    def _know(self, logical_id: str, physical_id: str, **attributes: str) -> None:
        self.names[logical_id] = physical_id
        for attribute, value in attributes.items():
            self.names[f"{logical_id}.{attribute}"] = value

    def _make_table(self, name: str, properties: Json) -> None:
        wanted = {key: properties[key] for key in _TABLE_PROPERTIES if key in properties}
        if stream := properties.get("StreamSpecification"):
            wanted["StreamSpecification"] = {"StreamEnabled": True, **stream}
        client: Any = boto3.client("dynamodb")
        made = client.create_table(TableName=name, **wanted)["TableDescription"]
        if ttl := properties.get("TimeToLiveSpecification"):
            client.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)
        self._know(name, name, Arn=made["TableArn"], StreamArn=made.get("LatestStreamArn", ""))

    def _make_bucket(self, name: str) -> None:
        bucket = f"craftkit-{name.lower()}"
        boto3.client("s3").create_bucket(Bucket=bucket)
        self._know(name, bucket, Arn=f"arn:aws:s3:::{bucket}")

    def _make_key(self, properties: Json) -> Json:
        client: Any = boto3.client("kms")
        wanted = {name: properties[name] for name in ("KeySpec", "KeyUsage") if name in properties}
        made: Json = client.create_key(**wanted)["KeyMetadata"]
        return made

    def _make_queue(self, name: str, properties: Json) -> None:
        client: Any = boto3.client("sqs")
        timeout = str(properties.get("VisibilityTimeout", 30))
        url = client.create_queue(QueueName=name, Attributes={"VisibilityTimeout": timeout})
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
        self._know(name, url["QueueUrl"], Arn=arn, QueueName=name)

    def _make_secret(self, name: str, properties: Json) -> None:
        value = properties.get("SecretString")
        if value is None:
            generated = properties.get("GenerateSecretString", {})
            value = secrets.token_hex(generated.get("PasswordLength", 32) // 2)
            if "SecretStringTemplate" in generated:
                document = json.loads(generated["SecretStringTemplate"])
                value = json.dumps(document | {generated["GenerateStringKey"]: value})
        client: Any = boto3.client("secretsmanager")
        made = client.create_secret(Name=name, SecretString=str(value))
        self._know(name, made["ARN"], Id=made["ARN"])

    def _make_user_pool(self, name: str) -> None:
        client: Any = boto3.client("cognito-idp")
        pool = client.create_user_pool(PoolName=name, UsernameAttributes=["email"])["UserPool"]
        client.create_user_pool_client(UserPoolId=pool["Id"], ClientName=f"{name}Client")
        self._know(name, pool["Id"], Arn=pool["Arn"])


def data_of(application: Template) -> Template:
    """The data stack's template in the stage of an application's."""
    return template(application.stage, Part.DATA)


@contextmanager
def variables(wanted: Mapping[str, str]) -> Iterator[None]:
    """Set the environment variables of one function, and no others, within the block."""
    runtime = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("AWS_") or name in ("PATH", "HOME", "TMPDIR", "LANG")
    }
    config.forget()
    with patch.dict(os.environ, {**runtime, **wanted}, clear=True):
        yield
    config.forget()


def forget() -> None:
    """Empty the caches of the process: clients, tables, secrets, keys and leases."""
    process_cache.clear_all()


def _leaf(value: Any) -> Any:
    """The name of a resource that moto does not support: its logical id in the template."""
    while isinstance(value, dict | list) and value:
        value = next(iter(value.values())) if isinstance(value, dict) else value[0]
    return value
