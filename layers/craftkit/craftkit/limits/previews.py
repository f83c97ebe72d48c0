"""Limits the previews of one project: their rate, and how many run at the same time.

Each preview of an editor or a form counts, and each check of a version before it is published.
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
