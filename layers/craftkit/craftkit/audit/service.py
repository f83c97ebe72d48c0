"""Reading the audit. Nobody writes to it from here: an entry comes with its deed."""

from typing import NamedTuple

from craftkit.audit import repository
from craftkit.audit.models import Entry

PAGE_LIMIT = 100


class EntryPage(NamedTuple):
    """Entries, the newest first. `after` is for the next page, None on the last."""

    entries: list[Entry]
    after: str | None


def list_entries(
    project_id: str, *, target: str | None = None, limit: int = PAGE_LIMIT, after: str | None = None
) -> EntryPage:
    """A page of a project's audit; with `target`, of what was done to one thing alone.

    A filtered page reads over the other entries, and may come back short with a next one.
    """
    return EntryPage(*repository.page(project_id, limit, target=target, after=after))
