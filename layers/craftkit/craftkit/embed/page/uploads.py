"""Checks the type of images that a visitor adds to a form.

Only the first bytes are read, so that the visitor sees an error at once, at the field. The worker's
typesetter decodes the whole image before a document shows it.
"""

import binascii
from base64 import b64decode

from craftkit.errors import InvalidInputDataError, Issues
from craftkit.templates.data import image_values
from craftkit.templates.image_types import (
    HEAD_BYTES,
    IMAGE_LIMIT_BYTES,
    image_type,
    type_of_data_uri,
)
from craftkit.templates.models import Manifest


def require_images(manifest: Manifest, validated: dict[str, object]) -> None:
    """Refuse a file that is not an image of its claimed type, or is too large.

    Raises:
        InvalidInputDataError: with one issue for each refused image, by its path.
    """
    issues = Issues()
    for path, value in image_values(manifest, validated).items():
        if value.startswith("data:") and (fault := _fault(value)):
            issues.field_errors[path] = [fault]
    if issues:
        raise InvalidInputDataError(issues=issues)


def _fault(uri: str) -> str | None:
    content = uri.partition(",")[2]
    if len(content) * 3 // 4 > IMAGE_LIMIT_BYTES:
        return f"The image is larger than {IMAGE_LIMIT_BYTES // 1024 // 1024} MiB"
    try:
        head = b64decode(content[: HEAD_BYTES + -HEAD_BYTES % 4], validate=True)
    except binascii.Error:
        return "The image was not sent completely: its base64 is truncated"
    claimed = type_of_data_uri(uri)
    if image_type(head) != claimed:
        return f"The file was sent as {claimed}, but its content is not of this type"
    return None
