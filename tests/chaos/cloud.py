"""The stack's AWS services in memory, called in place of boto3 clients, with injected faults."""

import base64
import json
import re
from collections.abc import Callable
from io import BytesIO
from types import ModuleType
from typing import Any

from testkit.cloud import Cloud, data_of
from testkit.tables import MemoryTables
from testkit.template import ACCOUNT, REGION, Template
from tests.chaos.faults import Faults

Json = dict[str, Any]
Send = Callable[[str, Json, float], None]


class MemoryCloud(Cloud):
    """Tables, queues, bucket and KMS key in memory. `invoke` runs a function with its variables.

    Args:
        send: sends a message to a queue, by logical id, with a delay in seconds.
    """

    def __init__(self, template: Template, faults: Faults, send: Send) -> None:
        self.template, self.faults, self._send = template, faults, send
        self.names: dict[str, str] = {}
        self._modules: dict[str, ModuleType] = {}
        self.data = data_of(template)
        tables = self.data.of_type("AWS::DynamoDB::Table")
        self.tables = MemoryTables(tables)
        self.objects: dict[str, bytes] = {}
        self.waiting: dict[str, dict[str, Json]] = {}
        self.visibility: dict[str, int] = {}
        for name in tables:
            arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"
            self._know(name, name, Arn=arn, StreamArn=f"{arn}/stream/1")
        for name in template.of_type("AWS::SQS::Queue"):
            self._know(name, f"https://queues/{name}", Arn=f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
            self.waiting[name] = {}
        for kind in ("AWS::S3::Bucket", "AWS::KMS::Key", "AWS::SecretsManager::Secret"):
            for name in self.data.of_type(kind):
                self._know(name, name.lower(), Arn=f"arn:aws:x:{REGION}:{ACCOUNT}:{name}")
        for name in template.functions:
            arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
            self._know(name, name, Arn=arn, Alias=f"{arn}:live")
        self._pass_outputs()

    def call(self, client: Any, operation: str, params: Json) -> Json:
        """Replaces `BaseClient._make_api_call`. An invocation can be killed before and after it."""
        self.faults.step()
        service = client.meta.service_model.service_name
        answer: Json = getattr(self, f"_{service}")(operation, params)
        self.faults.step()
        return answer

    def _dynamodb(self, operation: str, params: Json) -> Json:
        self.faults.throttle(operation)
        answer = self.tables.call(operation, params)
        self.faults.lose("https://dynamodb")
        return answer

    def _sqs(self, operation: str, params: Json) -> Json:
        queue = params["QueueUrl"].rpartition("/")[2]
        waiting = self.waiting[queue]
        if operation == "SendMessage":
            with self.faults.send(params["QueueUrl"]):
                self._send(queue, json.loads(params["MessageBody"]), params.get("DelaySeconds", 0))
        elif operation == "SendMessageBatch":
            with self.faults.send(params["QueueUrl"]):
                for entry in params["Entries"]:
                    self._send(queue, json.loads(entry["MessageBody"]), 0)
        elif operation == "ReceiveMessage":
            taken = list(waiting.items())[: params["MaxNumberOfMessages"]]
            return {
                "Messages": [
                    {"Body": json.dumps(body), "ReceiptHandle": receipt} for receipt, body in taken
                ]
            }
        elif operation == "ChangeMessageVisibility":
            self.visibility[params["ReceiptHandle"]] = params["VisibilityTimeout"]
        elif operation == "DeleteMessage":
            waiting.pop(params["ReceiptHandle"], None)
        else:
            raise NotImplementedError(operation)
        return {}

    def _s3(self, operation: str, params: Json) -> Json:
        if operation == "PutObject":
            self.objects[params["Key"]] = params["Body"]
        elif operation == "GetObject":
            return {"Body": BytesIO(self.objects[params["Key"]])}
        elif operation == "DeleteObject":
            self.objects.pop(params["Key"], None)
        else:
            raise NotImplementedError(operation)
        self.faults.lose("https://s3")
        return {}

    def _kms(self, operation: str, params: Json) -> Json:
        owner = params["EncryptionContext"]["owner"].encode()
        if operation == "Encrypt":
            return {"CiphertextBlob": owner + b"|" + base64.b64encode(params["Plaintext"])}
        context, _, sealed = bytes(params["CiphertextBlob"]).partition(b"|")
        if context != owner:
            raise PermissionError("InvalidCiphertextException")
        return {"Plaintext": base64.b64decode(sealed)}


def folder_of(template: Template, function_name: Any) -> tuple[str, str]:
    """The folder and logical id of the function in an event source's `FunctionName`."""
    match = re.search(r"(\w+Function)", json.dumps(function_name))
    if match is None:
        raise ValueError(function_name)
    logical_id = match[1]
    return template.functions[logical_id]["CodeUri"].removeprefix("functions/"), logical_id
