"""The typesetter through the compile function, for functions without the typesetting layer."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config as ClientConfig

from craftkit.config import config
from craftkit.process_cache import process_cache
from craftkit.typesetter import (
    CheckedFile,
    Document,
    FilePurpose,
    FontFace,
    Job,
    Preview,
    RenderTooLargeError,
    TypesettingError,
    pack,
    unpack,
)

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

# Lambda's limit of a synchronous request and of its response.
_PAYLOAD_LIMIT_BYTES = 6 * 1024 * 1024


def typeset_remotely(job: Job) -> Document:
    """`typesetting.typeset` through the compile function, with the same errors.

    Raises:
        TypesettingError: there is no document, or the job or the document exceeds 6 MiB.
    """
    answer = _invoke({"job": job.as_json()})
    return Document(unpack(answer["pdf"]), answer["pageCount"], tuple(answer["warnings"]))


def preview_remotely(job: Job, pixels_per_inch: float = 96.0) -> Preview:
    """The job's pages as PNG images. Raises as `typeset_remotely` does."""
    answer = _invoke({"job": job.as_json(), "pixelsPerInch": pixels_per_inch})
    pages = tuple(map(unpack, answer["pages"]))
    return Preview(pages, answer["pageCount"], tuple(answer["warnings"]))


def check_font_remotely(content: bytes) -> FontFace:
    """`typesetting.check_font` through the compile function. Raises the same errors."""
    return FontFace(**_invoke({"font": pack(content)})["face"])


def check_file_remotely(content: bytes, purpose: FilePurpose) -> CheckedFile:
    """`typesetting.check_file` through the compile function. Raises the same errors."""
    answer = _invoke({"file": pack(content), "purpose": purpose})
    return CheckedFile(unpack(answer["file"]), answer["pageCount"], tuple(answer["faults"]))


def _invoke(request: Mapping[str, Any]) -> dict[str, Any]:
    payload = json.dumps(request, ensure_ascii=False).encode()
    if len(payload) > _PAYLOAD_LIMIT_BYTES:
        raise RenderTooLargeError("Data, images and fonts exceed 6 MiB together.")
    response = _client().invoke(FunctionName=config.compile_function, Payload=payload)
    content = response["Payload"].read()
    if "FunctionError" in response:
        if b"ResponseSizeTooLarge" in content:
            raise RenderTooLargeError("The document is larger than a preview may be.")
        raise RuntimeError("the compile function failed: see its log")
    answer: dict[str, Any] = json.loads(content)
    if "error" in answer:
        raise TypesettingError.from_json(answer["error"])
    return answer


@process_cache
def _client() -> "LambdaClient":
    # The read time-out is longer than a job may take.
    waiting = ClientConfig(
        connect_timeout=1, read_timeout=40, retries={"mode": "standard", "total_max_attempts": 2}
    )
    return boto3.client("lambda", config=waiting)
