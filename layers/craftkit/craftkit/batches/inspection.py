"""Batches for the dashboard: searched."""

from dataclasses import dataclass
from datetime import datetime

from craftkit.batches import repository
from craftkit.batches.models import Batch
from craftkit.clock import utc_now
from craftkit.slices import Place, Slice


@dataclass(frozen=True)
class BatchFilter:
    """Batches of this status and mode whose id, or a part of whose template, is `text`. Empty
    values match any batch.
    """

    text: str = ""
    status: str = ""
    mode: str = ""

    def matches(self, batch: Batch, now: datetime) -> bool:
        return (
            batch.expires_at > now
            and self.status in ("", batch.status)
            and self.mode in ("", batch.mode)
            and (self.text == batch.id or self.text.casefold() in batch.template_slug)
        )


def find_batches(project_id: str, wanted: BatchFilter, place: Place, *, limit: int) -> Slice[Batch]:
    """A slice of the matching batches of a project."""
    now = utc_now()
    return repository.rows(project_id).read(
        place, limit=limit, matches=lambda batch: wanted.matches(batch, now)
    )
