"""The documents bucket: PDFs, fonts, inputs too large for a row. Private; read by signed URL."""

import re
import unicodedata
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import quote

import boto3
from botocore.config import Config as ClientConfig
from botocore.exceptions import ClientError

from craftkit.config import config
from craftkit.process_cache import process_cache

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

_UPLOAD_PART_BYTES = 16 * 1024 * 1024
DOWNLOAD_LIFETIME = timedelta(minutes=15)
"""Within the hour that is promised, and within the life of the credentials that sign."""


_PART_BYTES = 64 * 1024


@process_cache
def _client() -> "S3Client":
    # The region's own host: S3 redirects a URL that is signed for the global host in the older
    # regions, and refuses it in the newer ones. The embedded AWS has one host for all buckets.
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
    style: Literal["path", "virtual"] = "path" if config.aws_endpoint_url else "virtual"
    return boto3.client(
        "s3",
        region_name=config.region,
        config=ClientConfig(
            signature_version="s3v4",
            s3={"addressing_style": style, "us_east_1_regional_endpoint": "regional"},
            connect_timeout=1,
            read_timeout=5,
            retries={"mode": "standard", "total_max_attempts": 3},
        ),
    )


def connect() -> None:
    """Make the client now, before several threads use it."""
    _client()


def put(key: str, content: bytes, *, content_type: str) -> None:
    _client().put_object(
        Bucket=config.documents_bucket, Key=key, Body=content, ContentType=content_type
    )


def get(key: str) -> bytes:
    return _client().get_object(Bucket=config.documents_bucket, Key=key)["Body"].read()


def read_in_parts(key: str) -> tuple[int, Iterator[bytes]]:
    """The size of an object, and its content in parts of 64 KiB."""
    answer = _client().get_object(Bucket=config.documents_bucket, Key=key)
    return answer["ContentLength"], answer["Body"].iter_chunks(_PART_BYTES)


def find(key: str) -> bytes | None:
    """The object, or None. S3 returns 403 for a missing object if the role may not list."""
    try:
        return get(key)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "AccessDenied"):
            return None
        raise


class ReplacedError(Exception):
    """The object is not the one that was expected: it was written again."""


def stream(key: str, start: int, etag: str) -> Iterator[bytes]:
    """The object's bytes from `start` on, 1 MiB at a time. Nothing where `start` is its end.

    Args:
        etag: which the object must have; empty for any.

    Raises:
        ReplacedError: the object has another ETag.
    """
    wanted: Any = {"IfMatch": etag} if etag else {}
    try:
        answer = _client().get_object(
            Bucket=config.documents_bucket, Key=key, Range=f"bytes={start}-", **wanted
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "InvalidRange":
            return
        if error.response["Error"]["Code"] == "PreconditionFailed":
            raise ReplacedError from error
        raise
    yield from answer["Body"].iter_chunks(1024 * 1024)


def find_size(key: str) -> tuple[int, str] | None:
    """The size of an object in bytes and its ETag, or None where there is none. See `find`."""
    try:
        head = _client().head_object(Bucket=config.documents_bucket, Key=key)
        return head["ContentLength"], head["ETag"]
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "403", "NoSuchKey", "AccessDenied"):
            return None
        raise


def sign_upload(key: str) -> str:
    """A URL that takes one object by PUT without credentials, for `DOWNLOAD_LIFETIME`."""
    return _client().generate_presigned_url(
        "put_object",
        Params={"Bucket": config.documents_bucket, "Key": key},
        ExpiresIn=int(DOWNLOAD_LIFETIME.total_seconds()),
    )


class MultipartUpload:
    """A file that is written to an object part by part. It appears when the block ends well.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html: a part has 5 MiB or more,
    but for the last one.
    """

    def __init__(self, key: str, *, content_type: str) -> None:
        self._of: Any = {"Bucket": config.documents_bucket, "Key": key}
        self._content_type = content_type
        self._buffer = bytearray()
        self._parts: list[Any] = []

    def __enter__(self) -> Self:
        made = _client().create_multipart_upload(**self._of, ContentType=self._content_type)
        self._of["UploadId"] = made["UploadId"]
        return self

    def write(self, content: bytes, /) -> int:
        self._buffer += content
        if len(self._buffer) >= _UPLOAD_PART_BYTES:
            self._send()
        return len(content)

    def flush(self) -> None:
        """Nothing: a part is sent when it is large enough."""

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:  # the bucket's lifecycle removes the parts within a day
            return
        if self._buffer:
            self._send()
        _client().complete_multipart_upload(**self._of, MultipartUpload={"Parts": self._parts})

    def _send(self) -> None:
        number = len(self._parts) + 1
        sent = _client().upload_part(**self._of, PartNumber=number, Body=bytes(self._buffer))
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})
        self._buffer.clear()


def delete(key: str) -> None:
    _client().delete_object(Bucket=config.documents_bucket, Key=key)


def delete_folder(prefix: str) -> None:
    """Delete every object whose key begins with `prefix`."""
    pages = _client().get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=config.documents_bucket, Prefix=prefix):
        keys: list[ObjectIdentifierTypeDef] = [
            {"Key": each["Key"]} for each in page.get("Contents", [])
        ]
        if keys:
            answer = _client().delete_objects(
                Bucket=config.documents_bucket, Delete={"Objects": keys, "Quiet": True}
            )
            if answer.get("Errors"):
                raise RuntimeError("S3 did not delete every object of a folder")


def sign_download(
    key: str, *, filename: str, media_type: str, now: datetime
) -> tuple[str, datetime]:
    """A URL that opens one object without credentials, and when it expires."""
    url = _client().generate_presigned_url(
        "get_object",
        Params={
            "Bucket": config.documents_bucket,
            "Key": key,
            "ResponseContentType": media_type,
            "ResponseContentDisposition": content_disposition(filename),
        },
        ExpiresIn=int(DOWNLOAD_LIFETIME.total_seconds()),
    )
    return url, now + DOWNLOAD_LIFETIME


def content_disposition(filename: str) -> str:
    """The header that names a file, in ASCII alone.

    Names in other letters follow as `filename*` (RFC 6266, RFC 8187). S3 returns the value as it
    was signed: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """
    plain = unicodedata.normalize("NFKD", filename).encode("ascii", "ignore").decode()
    stem, dot, ending = plain.rpartition(".")
    fallback = re.sub(r"[^A-Za-z0-9 ._()-]", "_", stem).strip() or "document"
    header = f'inline; filename="{fallback}{dot}{ending}"'
    if f"{fallback}{dot}{ending}" == filename:
        return header
    return f"{header}; filename*=UTF-8''{quote(filename, safe='')}"
