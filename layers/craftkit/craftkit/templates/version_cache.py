"""A cache of the versions that this process has read.

Versions never change, so age matters only because a template may be deleted.
"""

from collections import OrderedDict
from datetime import datetime

from craftkit.templates.models import TemplateVersion

Key = tuple[str, str, int]
"""Project id, slug, number."""


class VersionCache:
    """The versions used last, with the time at which each was read."""

    def __init__(self, size: int = 64) -> None:
        self._size = size
        self._entries: OrderedDict[Key, tuple[TemplateVersion, datetime]] = OrderedDict()

    def get(self, key: Key, fresh_since: datetime | None) -> TemplateVersion | None:
        """The version, if it was read after `fresh_since`; None accepts any age."""
        version, read_at = self._entries.get(key, (None, None))
        if read_at is None or (fresh_since is not None and read_at <= fresh_since):
            return None
        self._entries.move_to_end(key)
        return version

    def put(self, key: Key, version: TemplateVersion, read_at: datetime) -> None:
        self._entries[key] = (version, read_at)
        self._entries.move_to_end(key)
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)

    def drop(self, key: Key) -> None:
        self._entries.pop(key, None)

    def cache_clear(self) -> None:
        """Forget everything, as `functools.cache` does it: for tests, whose tables come and go."""
        self._entries.clear()
