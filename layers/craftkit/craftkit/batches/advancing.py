"""Does the next step of a batch, whatever its state. Doing it once more changes nothing."""

from collections.abc import Iterable
from time import monotonic

from botocore.exceptions import ClientError

from craftkit.batches import dispatch, repository
from craftkit.batches.preparation import prepare_batch
from craftkit.batches.progress import CHECK_EVERY, count_chunks
from craftkit.clock import utc_now
from craftkit.observability import logger

BEGUN_WITHIN_SECONDS = 10.0
"""No batch is begun later in one invocation. With the slice of one file it stays within its
timeout of 55 s."""


def advance_batches(ids: Iterable[tuple[str, str]]) -> None:
    """Advance batches by project and id. Those that are not begun in time are queued again.

    Raises:
        Exception: the fault of one of them; the others were advanced.
    """
    begun = monotonic()
    fault: Exception | None = None
    for project_id, batch_id in ids:
        if monotonic() - begun > BEGUN_WITHIN_SECONDS:
            dispatch.request_check(project_id, batch_id)
            continue
        try:
            advance_batch(project_id, batch_id)
        except Exception as error:
            logger.exception("batch not advanced", extra={"batch_id": batch_id})
            fault = error
    if fault:
        raise fault


def advance_batch(project_id: str, batch_id: str) -> None:
    """Check a slice of its file, or count its chunks."""
    batch = repository.get(project_id, batch_id)
    if batch is None:
        return
    if batch.status == "checking":
        prepare_batch(batch)
    elif batch.status in ("running", "cancelled"):
        count_chunks(batch)


def queue_due_batches() -> int:
    """Queue every batch that is due, to be advanced in an invocation of its own.

    A batch is due again after `CHECK_EVERY`: one whose file ends the process delays no other.

    Returns:
        The number of batches that were queued.
    """
    queued = 0
    for shard in range(repository.SHARDS):
        for due in repository.due(shard, utc_now()):
            try:
                if repository.put_off(due, utc_now() + CHECK_EVERY):
                    dispatch.request_check(due.project_id, due.batch_id)
                    queued += 1
            except ClientError:
                logger.exception("batch not queued", extra={"batch_id": due.batch_id})
    return queued
