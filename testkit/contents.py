"""Every byte that a stage stores: tables, buckets with all versions, and queues."""

from collections.abc import Callable, Iterator
from typing import Any


def contents(client: Callable[[str], Any]) -> Iterator[tuple[str, str]]:
    """Where something is stored, and its content as text.

    Args:
        client: makes a boto3 client of a service, such as `boto3.client`.
    """
    yield from _tables(client("dynamodb"))
    yield from _buckets(client("s3"))
    yield from _queues(client("sqs"))


def places_of(marker: str, client: Callable[[str], Any]) -> list[str]:
    """Where a text is stored."""
    return sorted({place for place, text in contents(client) if marker in text})


def _tables(dynamodb: Any) -> Iterator[tuple[str, str]]:
    for names in dynamodb.get_paginator("list_tables").paginate():
        for table in names["TableNames"]:
            for page in dynamodb.get_paginator("scan").paginate(TableName=table):
                for item in page["Items"]:
                    yield f"table {table}", repr(item)


def _buckets(s3: Any) -> Iterator[tuple[str, str]]:
    for bucket in s3.list_buckets()["Buckets"]:
        name = bucket["Name"]
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
            for entry in page.get("Versions", []):
                read = s3.get_object(
                    Bucket=name, Key=entry["Key"], VersionId=entry.get("VersionId", "null")
                )
                yield f"bucket {name}", f"{entry['Key']} {read['Metadata']} {read['Body'].read()!r}"


def _queues(sqs: Any) -> Iterator[tuple[str, str]]:
    for page in sqs.get_paginator("list_queues").paginate():
        for url in page.get("QueueUrls", []):
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
            for message in answer.get("Messages", []):
                yield f"queue {url}", repr(message)
