"""The client of AWS KMS."""

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config as ClientConfig

from craftkit.process_cache import process_cache

if TYPE_CHECKING:
    from mypy_boto3_kms.client import KMSClient


@process_cache
def client() -> "KMSClient":
    return boto3.client(
        "kms",
        config=ClientConfig(
            connect_timeout=1,
            read_timeout=3,
            retries={"mode": "standard", "total_max_attempts": 4},
        ),
    )
