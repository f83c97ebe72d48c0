"""Reads the audit. Entries are written in the transaction of the change that they record."""

from dataclasses import dataclass
from typing import NamedTuple

from craftkit.audit import repository
from craftkit.audit.models import Entry
from craftkit.slices import Place, Slice

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


@dataclass(frozen=True)
class EntryFilter:
    """Entries of this action, actor and target that contain `text`. Empty values match any entry.

    `named` are the ids of whom the text names, so that entries are found by a person's name.
    """

    text: str = ""
    action: str = ""
    actor: str = ""
    target: str = ""
    named: frozenset[str] = frozenset()

    def matches(self, entry: Entry) -> bool:
        return (
            self.action in ("", entry.action)
            and self.actor in ("", entry.actor)
            and self.target in ("", entry.target)
            and self._has_text(entry)
        )

    def _has_text(self, entry: Entry) -> bool:
        texts = (entry.id, entry.action, entry.actor, entry.target, *entry.details.values())
        wanted = self.text.casefold()
        return any(wanted in text.casefold() for text in texts) or not self.named.isdisjoint(
            (entry.actor, entry.target)
        )


def find_entries(project_id: str, wanted: EntryFilter, place: Place, *, limit: int) -> Slice[Entry]:
    """A slice of the matching entries of a project's audit."""
    return repository.rows(project_id).read(place, limit=limit, matches=wanted.matches)
