"""DynamoDB's wire, answered by moto, for the code that signs its own requests."""

import json
from typing import Any

import boto3
from botocore import xform_name
from botocore.exceptions import ClientError


class DynamoDBWire:
    """Stands in for `craftkit.auth.connections.post`, and notes the operations that came by.

    Set `failure` to have every request fail the way a lost connection does.
    """

    def __init__(self) -> None:
        self.operations: list[str] = []
        self.failure: Exception | None = None

    def post(
        self, _url: str, headers: dict[str, str], body: bytes, **_timeouts: float
    ) -> tuple[int, bytes]:
        operation = headers["x-amz-target"].rpartition(".")[2]
        self.operations.append(operation)
        if self.failure is not None:
            raise self.failure
        status, answer = _ask_moto(operation, json.loads(body))
        return status, json.dumps(answer).encode()


def _ask_moto(operation: str, payload: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    client: Any = boto3.client("dynamodb")
    try:
        answer = getattr(client, xform_name(operation))(**payload)
    except ClientError as error:
        fault = error.response["Error"]
        kind = "com.amazonaws.dynamodb.v20120810#" + fault["Code"]
        return 400, {"__type": kind, "message": fault["Message"]}
    del answer["ResponseMetadata"]
    return 200, answer
