"""The typesetter for functions without the typesetting layer: checks, previews and fonts."""

from dataclasses import asdict
from typing import Any

from craftkit.clock import utc_now
from craftkit.observability import logger
from craftkit.probes import needs
from craftkit.typesetter import Job, TypesettingError, pack, unpack
from typesetting import check_file, check_font, preview, typeset, warm
from typesetting.files import with_files

# Runs before the first request, so that the SnapStart snapshot contains a loaded typesetter.
warm()


def _typesets() -> object:
    return typeset(Job("= Probe", {}, {}, locale="en", title="Probe", created_at=utc_now()))


@needs("DOCUMENTS_BUCKET", reads=(_typesets,))
@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Handle a request of `craftkit.remote_typesetter`, which invokes the function directly."""
    try:
        return _answer(event)
    except TypesettingError as error:
        return {"error": error.as_json()}


def _answer(event: dict[str, Any]) -> dict[str, Any]:
    if "font" in event:
        return {"face": asdict(check_font(unpack(event["font"])))}
    if "file" in event:
        checked = check_file(unpack(event["file"]), event["purpose"])
        return {
            "file": pack(checked.content),
            "pageCount": checked.page_count,
            "faults": checked.faults,
        }
    job = with_files(Job.from_json(event["job"]))
    if "pixelsPerInch" in event:
        shown = preview(job, event["pixelsPerInch"])
        return {
            "pages": [pack(page) for page in shown.pages],
            "pageCount": shown.page_count,
            "warnings": shown.warnings,
        }
    document = typeset(job)
    return {
        "pdf": pack(document.pdf),
        "pageCount": document.page_count,
        "warnings": document.warnings,
    }
