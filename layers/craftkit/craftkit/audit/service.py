"""Reads the audit. Entries are written in the transaction of the change that they record."""

from typing import NamedTuple

from craftkit.audit import repository
from craftkit.audit.models import Entry

PAGE_LIMIT = 100


class EntryPage(NamedTuple):
    """Entries, newest first. `after` starts the next page; it is None on the last page."""

    entries: list[Entry]
    after: str | None


def list_entries(
    project_id: str, *, target: str | None = None, limit: int = PAGE_LIMIT, after: str | None = None
) -> EntryPage:
    """A page of a project's audit.

    Args:
        target: return only the entries of this target. DynamoDB filters after it reads, so a
            filtered page can hold fewer than `limit` entries and still have a next page.
    """
    return EntryPage(*repository.page(project_id, limit, target=target, after=after))
