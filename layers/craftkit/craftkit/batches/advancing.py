"""Does the next step of a batch, whatever its state. Doing it once more changes nothing."""

from botocore.exceptions import ClientError

from craftkit.batches import repository
from craftkit.batches.preparation import prepare_batch
from craftkit.batches.progress import count_chunks
from craftkit.clock import utc_now
from craftkit.errors import RateLimitedError
from craftkit.observability import logger


def advance_batch(project_id: str, batch_id: str) -> None:
    """Check a slice of its file, or count its chunks."""
    batch = repository.get(project_id, batch_id)
    if batch is None:
        return
    if batch.status == "checking":
        prepare_batch(batch)
    elif batch.status in ("running", "cancelled"):
        count_chunks(batch)


def advance_due_batches() -> int:
    """Advance every batch that is due. Returns their number. An error at one does not stop it."""
    advanced = 0
    for shard in range(repository.SHARDS):
        for due in repository.due(shard, utc_now()):
            try:
                advance_batch(due.project_id, due.batch_id)
                advanced += 1
            except (ClientError, RateLimitedError):
                logger.exception("batch not advanced", extra={"batch_id": due.batch_id})
    return advanced
