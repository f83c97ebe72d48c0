"""Sends and receives SQS messages with JSON bodies. The client is created on first use."""

import json
import math
from collections.abc import Iterable
from datetime import timedelta
from itertools import batched
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config as ClientConfig
from botocore.exceptions import BotoCoreError, ClientError

from craftkit.observability import logger
from craftkit.process_cache import process_cache

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient


_BATCH_LIMIT = 10


class QueueError(Exception):
    """The message was not sent, or the response was lost."""


@process_cache
def _sqs() -> "SQSClient":
    return boto3.client(
        "sqs",
        config=ClientConfig(
            connect_timeout=1,
            read_timeout=3,
            retries={"mode": "standard", "total_max_attempts": 3},
        ),
    )


def connect() -> None:
    """Make the client now, before several threads use it."""
    _sqs()


def send(queue_url: str, body: dict[str, Any], *, group: str, delay_seconds: int = 0) -> None:
    """Send one message, visible after a delay of up to 15 minutes.

    Args:
        group: the message group id, such as the project's id. If one group has more than its share
            of the consumers, SQS delivers the others' messages first ("fair queues").

    Raises:
        QueueError: the message was not sent, or the response was lost.
    """
    try:
        _sqs().send_message(
            QueueUrl=queue_url,
            MessageBody=json.dumps(body),
            MessageGroupId=group,
            DelaySeconds=delay_seconds,
        )
    except (BotoCoreError, ClientError) as error:
        raise QueueError(type(error).__name__) from error


def send_many(queue_url: str, bodies: Iterable[dict[str, Any]], *, group: str) -> None:
    """Send messages, ten in one call.

    Raises:
        QueueError: at least one was not sent, or a response was lost.
    """
    for part in batched(bodies, _BATCH_LIMIT, strict=False):
        entries: Any = [
            {"Id": str(index), "MessageBody": json.dumps(body), "MessageGroupId": group}
            for index, body in enumerate(part)
        ]
        try:
            answer = _sqs().send_message_batch(QueueUrl=queue_url, Entries=entries)
        except (BotoCoreError, ClientError) as error:
            raise QueueError(type(error).__name__) from error
        if answer.get("Failed"):
            raise QueueError(answer["Failed"][0]["Code"])


def receive(queue_url: str, limit: int = 10) -> list[tuple[dict[str, Any], str]]:
    """Up to ten messages, each with its receipt handle for `delete`."""
    answer = _sqs().receive_message(QueueUrl=queue_url, MaxNumberOfMessages=min(limit, 10))
    return [
        (json.loads(message["Body"]), message["ReceiptHandle"])
        for message in answer.get("Messages", [])
    ]


def delete(queue_url: str, receipt: str) -> None:
    _sqs().delete_message(QueueUrl=queue_url, ReceiptHandle=receipt)


def change_visibility(queue_url: str, receipt: str, delay: timedelta) -> None:
    """Let a received message be seen again after this delay, rounded up to a second.

    Without it the message is seen again after the queue's own time, so a fault is logged alone.
    """
    try:
        _sqs().change_message_visibility(
            QueueUrl=queue_url,
            ReceiptHandle=receipt,
            VisibilityTimeout=math.ceil(delay.total_seconds()),
        )
    except (BotoCoreError, ClientError) as error:
        logger.warning("a message is not seen sooner", extra={"reason": type(error).__name__})
