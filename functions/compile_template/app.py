"""The typesetter for functions that do not carry it: publish checks and live previews."""

from base64 import b64encode
from typing import Any

from craftkit.observability import logger
from craftkit.templates.images import with_images
from craftkit.typesetter import Job, TypesettingError
from typesetting import preview, typeset, warm

warm()


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The request and the answer of `craftkit.remote_typesetter`; invoked directly, not by HTTP."""
    job = with_images(Job.from_json(event["job"]))
    try:
        if "pixelsPerInch" in event:
            pages = preview(job, event["pixelsPerInch"])
            return {"pages": [b64encode(page).decode() for page in pages]}
        document = typeset(job)
    except TypesettingError as error:
        return {"error": error.as_json()}
    return {
        "pdf": b64encode(document.pdf).decode(),
        "pageCount": document.page_count,
        "warnings": document.warnings,
    }
