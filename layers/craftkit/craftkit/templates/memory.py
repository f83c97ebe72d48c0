"""Versions that this process has read. They never change, so age matters only for deletes."""

from collections import OrderedDict
from datetime import datetime

from craftkit.templates.models import TemplateVersion

Key = tuple[str, str, int]
"""Project id, slug, number."""


class Memory:
    """The versions used last, with the time of their reading."""

    def __init__(self, size: int = 64) -> None:
        self._size = size
        self._known: OrderedDict[Key, tuple[TemplateVersion, datetime]] = OrderedDict()

    def get(self, key: Key, fresh_since: datetime | None) -> TemplateVersion | None:
        """The version, if it was read after `fresh_since`; None trusts any age."""
        version, read_at = self._known.get(key, (None, None))
        if read_at is None or (fresh_since is not None and read_at <= fresh_since):
            return None
        self._known.move_to_end(key)
        return version

    def put(self, key: Key, version: TemplateVersion, read_at: datetime) -> None:
        self._known[key] = (version, read_at)
        self._known.move_to_end(key)
        if len(self._known) > self._size:
            self._known.popitem(last=False)

    def drop(self, key: Key) -> None:
        self._known.pop(key, None)

    def cache_clear(self) -> None:
        """Forget everything, as `functools.cache` does it: for tests, whose tables come and go."""
        self._known.clear()
