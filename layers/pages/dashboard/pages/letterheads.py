"""Letterheads, a part of the settings: publish and delete."""

from base64 import b64decode
from binascii import Error as Base64Error

from craftkit.errors import InvalidRequestError, Issues
from craftkit.remote_typesetter import check_file_remotely
from craftkit.templates import letterheads
from dashboard.compilations import bounded
from dashboard.pages.settings import show_refused
from dashboard.request_context import RequestContext
from dashboard.web import Response


def publish_letterhead(context: RequestContext) -> Response:
    name = context.form("letterhead_name")
    try:
        published = letterheads.publish_letterhead(
            context.project.id,
            name,
            _content(context),
            by=context.user.sub,
            check=bounded(context, check_file_remotely),
        )
    except InvalidRequestError as error:
        errors = error.issues.field_errors if error.issues else {}
        named = {f"letterhead_{field}": messages for field, messages in errors.items()}
        return show_refused(
            context, InvalidRequestError(str(error), issues=Issues(field_errors=named))
        )
    faults = f" PDF/A forbids it: {'; '.join(published.faults)}." if published.faults else ""
    return context.done("/settings", f"The letterhead {published.name} is published.{faults}")


def delete_letterhead(context: RequestContext) -> Response:
    name = context.path("name")
    letterheads.delete_letterhead(context.project.id, name, by=context.user.sub)
    return context.done("/settings", f"The letterhead {name} is deleted.")


def _content(context: RequestContext) -> bytes:
    """The file, which the page's script puts into the form as base64."""
    try:
        content = b64decode(context.form("letterhead_content"), validate=True)
    except (Base64Error, ValueError):
        content = b""
    if not content:
        message = "Choose a PDF file of at most 700 KB"
        raise InvalidRequestError(message, issues=Issues(field_errors={"file": [message]}))
    return content
