"""The host of a signed URL in every region."""

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from craftkit import storage
from testkit.cloud import variables

PARTITIONS = {
    "aws": "amazonaws.com",
    "aws-cn": "amazonaws.com.cn",
    "aws-us-gov": "amazonaws.com",
}
NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret"}


def regions() -> Iterator[tuple[str, str]]:
    for partition, suffix in PARTITIONS.items():
        for region in boto3.Session().get_available_regions("s3", partition_name=partition):
            yield region, suffix


@pytest.fixture(autouse=True)
def _fresh_client() -> Iterator[None]:
    storage._client.cache_clear()
    yield
    storage._client.cache_clear()


def signed(region: str, **more: str) -> str:
    environment = {**CREDENTIALS, "AWS_REGION": region, "DOCUMENTS_BUCKET": "documents", **more}
    with variables(environment):
        return storage.sign_download(
            "renders/p/r.pdf", filename="a.pdf", media_type="application/pdf", now=NOW
        )[0]


@pytest.mark.parametrize(("region", "suffix"), list(regions()))
def test_sign_download__uses_the_regional_host_of_the_bucket_and_sigv4(
    region: str, suffix: str
) -> None:
    url = urlsplit(signed(region))
    assert (url.scheme, url.netloc) == ("https", f"documents.s3.{region}.{suffix}")
    query = parse_qs(url.query)
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Credential"][0].split("/")[2:] == [region, "s3", "aws4_request"]


def test_sign_download__uses_the_host_of_the_embedded_aws() -> None:
    url = urlsplit(signed("us-east-1", AWS_ENDPOINT_URL="http://localhost:4566"))
    assert (url.netloc, url.path) == ("localhost:4566", "/documents/renders/p/r.pdf")
