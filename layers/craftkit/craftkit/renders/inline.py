"""Documents in the response: whether the request accepts one, headers, and maximum size."""

from craftkit import storage
from craftkit.errors import InvalidRequestError, Issues
from craftkit.renders.files import MEDIA_TYPES, ZIP_TYPE
from craftkit.renders.models import Render
from craftkit.storage import content_disposition
from craftkit.typesetter import OutputFormat

INLINE_LIMIT_BYTES = 4_500 * 1024
"""A Lambda response has at most 6 MB, in which a document counts in base64, a third longer.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

_GENERAL = frozenset({"*/*", "application/*", "application/json"})


def accepts_document(accept: str, output_format: OutputFormat) -> bool:
    """Whether an `Accept` header names the format's media type.

    A wildcard does not count: most clients send one, and expect JSON.
    """
    accepted = _media_types(accept)
    types = {MEDIA_TYPES[output_format]} | ({ZIP_TYPE} if output_format != "pdf" else set())
    return not accepted.isdisjoint(types)


def wants_document(accept: str, output_format: OutputFormat) -> bool:
    """The same for a render that is being requested.

    Raises:
        InvalidRequestError: the header accepts documents of other formats alone.
    """
    if accepts_document(accept, output_format):
        return True
    accepted = _media_types(accept)
    others = accepted & {*MEDIA_TYPES.values(), ZIP_TYPE}
    if others and accepted.isdisjoint(_GENERAL):
        message = (
            f"The Accept header requests {sorted(others)[0]}, and `options.format` is "
            f"{output_format}. Send Accept: {MEDIA_TYPES[output_format]}, or change the format."
        )
        raise InvalidRequestError(issues=Issues(form_errors=[message]))
    return False


def require_document(output_format: OutputFormat, *, is_wanted: bool) -> None:
    """Check a request with `options.store` false: its response must be the document.

    Raises:
        InvalidRequestError: the `Accept` header does not name the format's media type.
    """
    if not is_wanted:
        message = (
            "`store` false needs a response that is the document. Send the header "
            f"Accept: {MEDIA_TYPES[output_format]}, or leave `store` out."
        )
        raise InvalidRequestError(issues=Issues(field_errors={"options.store": [message]}))


def _media_types(accept: str) -> set[str]:
    """The media types of the header, without those that it excludes with `q=0`."""
    found = set()
    for part in accept.lower().split(","):
        media_type, *parameters = (word.strip() for word in part.split(";"))
        if not any(each.rstrip("0.") == "q=" for each in parameters):
            found.add(media_type)
    return found


def headers_of(render: Render) -> dict[str, str]:
    """The headers of a response whose body is the document."""
    return {
        "Content-Type": render.media_type,
        "Content-Disposition": content_disposition(render.filename),
        "x-craftkit-render-id": render.id,
        "x-craftkit-page-count": str(render.page_count or 0),
    }


def content_of(render: Render) -> bytes | None:
    """The document's bytes; None where they do not fit into a response."""
    if (render.size_bytes or 0) > INLINE_LIMIT_BYTES:
        return None
    return storage.get(render.document_key)
