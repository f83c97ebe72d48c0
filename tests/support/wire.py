"""DynamoDB's wire, answered by moto, for the code that signs its own requests."""

import json
from typing import Any

import boto3
import urllib3
from botocore import xform_name
from botocore.exceptions import ClientError


class DynamoDBWire:
    """Stands in for `urllib3.PoolManager.request`, and notes the operations that came by.

    Set `failure` to have every request fail the way a lost connection does.
    """

    def __init__(self) -> None:
        self.operations: list[str] = []
        self.failure: urllib3.exceptions.HTTPError | None = None

    def request(self, _pool: object, method: str, url: str, **how: Any) -> urllib3.BaseHTTPResponse:
        headers = {name.lower(): value for name, value in how["headers"].items()}
        operation = headers["x-amz-target"].rpartition(".")[2]
        self.operations.append(operation)
        if self.failure is not None:
            raise self.failure
        status, answer = _ask_moto(operation, json.loads(how["body"]))
        return urllib3.HTTPResponse(
            body=json.dumps(answer).encode(), status=status, preload_content=True
        )


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
