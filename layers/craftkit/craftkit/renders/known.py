"""Which render made a document: found by the hash of its bytes.

A render's id holds the time of its creation, and the document holds the same time as its own
creation. So the renders of this second are read, and no index is needed, which would cost every
render a write. The time of a document with `options.documentDate` says nothing of its render:
such a render writes one item more, with the hash in its key.
"""

from datetime import datetime, timedelta

from craftkit.auth.principal import Principal
from craftkit.clock import utc_now
from craftkit.renders import repository
from craftkit.renders.models import Render
from craftkit.renders.service import Visibility

_SECOND = timedelta(seconds=1)


def remember_document(render: Render, sha256: str) -> None:
    """Let the document be found, before the render ends."""
    if render.document_date is not None:
        repository.put_document(render, sha256)


def find_document(principal: Principal, sha256: str, created_at: datetime | None) -> Render | None:
    """The render of the principal's project and mode whose document has this hash.

    Args:
        created_at: the creation time that the document names, to the second.
    """
    project_id, now = principal.project_id, utc_now()
    candidates = list(repository.with_document(project_id, sha256))
    if created_at is not None:
        candidates += repository.made_between(
            project_id, created_at - _SECOND, created_at + 2 * _SECOND, sha256
        )
    visible = Visibility.of(principal)
    for render in candidates:
        if (
            render.sha256 == sha256
            and render.status == "succeeded"
            and visible.includes(render)
            and render.is_kept_at(now)
        ):
            return render
    return None
