"""Limits work of one project that takes seconds: its rate, and how much runs at the same time.

Each preview of an editor or a form counts, and each check of a version before it is published.
Files that are verified or validated are counted apart: as many may be read at the same time.
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
    per_second = config.previews_per_second
    charge_rate(ProjectRate("preview", "previews", per_second, burst=2 * per_second), project_id)
    work = Work("preview", "previews", config.previews_per_project, _LASTS_AT_MOST)
    with running(work, project_id):
        yield


@contextmanager
def one_file(project_id: str) -> Iterator[None]:
    """Count one file that is verified or validated, while it is read. It is charged as a read.

    Raises:
        RateLimitedError: the project has too many files being read.
    """
    work = Work("file", "files to verify or validate", config.previews_per_project, _LASTS_AT_MOST)
    with running(work, project_id):
        yield
