"""Pictures that a person put into a form: truly of the type that they claim to be.

This looks at the first bytes only, so that the person is told at once and at the field; the worker
decodes the whole picture before it is set.
"""

import binascii
import re
from base64 import b64decode

from craftkit.errors import InvalidInputDataError, Issues
from craftkit.templates.data import image_values
from craftkit.templates.models import Manifest

LIMIT_BYTES = 5 * 1024 * 1024

_BEGINNINGS = {
    "png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "jpeg": re.compile(rb"\xff\xd8\xff"),
    "gif": re.compile(rb"GIF8[79]a"),
    "webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
    "svg+xml": re.compile(rb"(\xef\xbb\xbf)?\s*<(\?xml|!--|!DOCTYPE svg|svg)", re.IGNORECASE),
}
_HEAD = 64


def require_pictures(manifest: Manifest, judged: dict[str, object]) -> None:
    """Refuse what only calls itself a picture, or is larger than one may be.

    Raises:
        InvalidInputDataError: at the path of each.
    """
    issues = Issues()
    for path, value in image_values(manifest, judged).items():
        if value.startswith("data:") and (fault := _fault(value)):
            issues.field_errors[path] = [fault]
    if issues:
        raise InvalidInputDataError(issues=issues)


def _fault(uri: str) -> str | None:
    kind = re.split("[;,]", uri.removeprefix("data:image/"), maxsplit=1)[0].replace("jpg", "jpeg")
    content = uri.partition(",")[2]
    if len(content) * 3 // 4 > LIMIT_BYTES:
        return f"The picture is larger than {LIMIT_BYTES // 1024 // 1024} MB"
    try:
        head = b64decode(content[: _HEAD + -_HEAD % 4], validate=True)
    except binascii.Error:
        return "The picture was not sent whole"
    return None if _BEGINNINGS[kind].match(head) else "This file is no picture of its type"
