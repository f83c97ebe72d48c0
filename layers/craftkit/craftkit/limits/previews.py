"""Limits work of one project that takes seconds: its rate, and how much runs at the same time.

Each preview of an editor or a form counts, and each check of a version before it is published.
Files that are verified or validated are counted apart, in the same numbers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from craftkit.config import config
from craftkit.limits.concurrency import Work, running
from craftkit.limits.rates import ProjectRate, charge_rate

_LASTS_AT_MOST = timedelta(seconds=45)
"""Longer than the compile function can run."""


@contextmanager
def one_preview(project_id: str) -> Iterator[None]:
    """Charge one preview, or one check of a template before it is published.

    Raises:
        RateLimitedError: the project makes previews too often, or has too many running.
    """
    with _one("preview", "previews", project_id):
        yield


@contextmanager
def one_file(project_id: str) -> Iterator[None]:
    """Charge one file that is verified or validated.

    Raises:
        RateLimitedError: the project sends files too often, or has too many being read.
    """
    with _one("file", "files to verify or validate", project_id):
        yield


@contextmanager
def _one(kind: str, name: str, project_id: str) -> Iterator[None]:
    per_second = config.previews_per_second
    charge_rate(ProjectRate(kind, name, per_second, burst=2 * per_second), project_id)
    work = Work(kind, name, config.previews_per_project, _LASTS_AT_MOST)
    with running(work, project_id):
        yield
