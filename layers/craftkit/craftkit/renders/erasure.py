"""Erasing a render: its document, data, metadata and names are deleted; the data for usage stays.

The row stays until the stage's retention ends, without content, so that usage can be counted again
from it. It is in the index `unfinished` until its content was removed a second time: a worker that
held the render may have stored its document after the first removal.
"""

from datetime import timedelta

from craftkit import storage
from craftkit.clock import from_rfc3339, to_rfc3339, utc_now
from craftkit.dynamodb import ConditionFailedError, Item
from craftkit.renders import input_keys, repository
from craftkit.renders.files import ENDINGS, ZIP_TYPE
from craftkit.renders.lifecycle import CHECK_AFTER_LEASE
from craftkit.renders.models import ERASED_FILENAME, Render

SECOND_REMOVAL = timedelta(minutes=2)
"""After the erasure, or after the lease of its worker where that is later."""

_CONTENT = (
    "input",
    "input_item",
    "input_key",
    "metadata",
    "job_id",
    "sha256",
    "unsealed_sha256",
    "seal",
    "warnings",
    "error_message",
    "pages",
    "document_date",
    "lease_until",
    "erase_at",
    "deliver_to",
    "delivery",
)


def without_content(render: Render) -> Render:
    """A finished render as its row is kept where it is not stored: with what usage counts."""
    return render.model_copy(
        update={
            "filename": ERASED_FILENAME,
            "metadata": {},
            "job_id": None,
            "sha256": None,
            "unsealed_sha256": None,
            "seal": None,
            "warnings": (),
            "pages": None,
            "document_date": None,
            "delivery": None,
            "erase_at": None,
            "erased_at": render.ended_at,
        }
    )


def erase_render(render: Render) -> Render | None:
    """Erase a render, or remove again what was stored after it was erased.

    Returns:
        The render as it is kept from now on, or None where there is none.
    """
    erased = erase_row(render.project_id, render.id)
    if erased is not None:
        remove_content(erased)
    return erased


def erase_row(project_id: str, render_id: str) -> Render | None:
    """Remove the content from a render's row; cancel it first where it is not finished.

    Of one that is erased already, nothing is changed. None where there is no row.
    """
    item = repository.get_item(project_id, render_id)
    while item is not None and "erased_at" not in item:
        try:
            item = _erase_row(item)
        except ConditionFailedError as error:  # its state has changed
            item = error.items[0]
    return repository.render_of(item) if item else None


def _erase_row(item: Item) -> Item:
    render, now = repository.render_of(item), utc_now()
    again_at = now + SECOND_REMOVAL
    if "lease_until" in item:
        again_at = max(again_at, from_rfc3339(item["lease_until"]) + CHECK_AFTER_LEASE)
    erased = {"erased_at": to_rfc3339(now), "filename": ERASED_FILENAME}
    if render.document_date and render.sha256:
        repository.delete_document(render.project_id, render.sha256, render.id)
    if not render.is_finished:
        erased |= {"status": "cancelled", "completed_at": to_rfc3339(now)}
    return repository.update(
        render.project_id,
        render.id,
        set_=erased | repository.unfinished_fields(render.id, again_at),
        remove=_CONTENT,
        condition=("#status = :status AND attempt = :attempt AND attribute_not_exists(erased_at)"),
        values={":status": render.status, ":attempt": render.attempt},
    )


def remove_content(render: Render) -> None:
    """Delete the key of a render's data, its document, and its data outside of its row."""
    input_keys.delete(render.project_id, render.id)
    media_types = {render.media_type} if render.format == "pdf" else {render.media_type, ZIP_TYPE}
    for media_type in media_types:
        storage.delete(f"renders/{render.project_id}/{render.id}{ENDINGS[media_type][0]}")
    # Of a sealed document; whether it was sealed is erased.
    for attempt in range(2, render.attempt + 1):
        storage.delete(f"renders/{render.project_id}/{render.id}-{attempt}.pdf")
    if render.invoice:
        storage.delete(render.invoice_key)
    storage.delete(f"inputs/{render.project_id}/{render.id}")
    repository.delete_input(render.project_id, render.id)
