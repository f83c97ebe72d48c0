"""Erases the renders and catalogs of a project that is deleted. Each step can be repeated."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import batched

from craftkit import dynamodb, storage
from craftkit.clock import utc_now
from craftkit.config import config
from craftkit.errors import ConflictError
from craftkit.project_items import CATALOG, CATALOG_VERSION
from craftkit.renders import erasure
from craftkit.renders import repository as renders
from craftkit.renders.models import Render
from craftkit.webhooks import document_deliveries

_AT_ONCE = 8
_FIRST_DAY = datetime(1970, 1, 2, tzinfo=UTC)


def erase_renders(project_id: str, *, since: datetime, until: datetime | None) -> int:
    """Erase every render of a project; cancel those that are not finished.

    Args:
        since: when the deletion of the project began.
        until: when to stop; None: at the end.

    Returns:
        How many were erased since the deletion began, by earlier calls too.

    Raises:
        ConflictError: some are left at `until`. The next call goes on with them.
    """
    for name in (config.renders_table, config.render_keys_table, config.deliveries_table):
        dynamodb.table(name)  # boto3 makes resources safely in one thread alone
    storage.connect()
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="erasure") as threads:
        for part in batched(_kept(project_id), _AT_ONCE * 10, strict=False):
            if until is not None and utc_now() >= until:
                raise ConflictError(
                    "The project has too many renders to erase them in one request. Many are "
                    "erased; delete the project again to go on."
                )
            list(threads.map(_erase, part))
    return sum(each.erased_at is not None and each.erased_at >= since for each in _all(project_id))


def delete_catalogs(project_id: str) -> int:
    """Delete a project's catalogs with their versions. Returns the number of catalogs."""
    found = list(CATALOG.list(project_id, ProjectionExpression="pk, sk"))
    for item in (*CATALOG_VERSION.list(project_id, ProjectionExpression="pk, sk"), *found):
        CATALOG.table().delete_item(Key={"pk": item["pk"], "sk": item["sk"]})
    return len(found)


def _erase(render: Render) -> None:
    erased = erasure.erase_render(render)
    if erased is not None:
        document_deliveries.delete_document_delivery(erased)


def _kept(project_id: str) -> Iterator[Render]:
    return (render for render in _all(project_id) if render.erased_at is None)


def _all(project_id: str) -> Iterator[Render]:
    return renders.between(project_id, _FIRST_DAY, utc_now() + timedelta(days=1))
