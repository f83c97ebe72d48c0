"""Interprets changes of the batches table for the functions on its stream."""

from craftkit.batches import repository
from craftkit.batches.models import Batch, Chunk
from craftkit.streams import Change


def ended_chunk(change: Change) -> Chunk | None:
    """The chunk that ended with this change, if one did."""
    if change.new is None or change.new.get("state") != "ended":
        return None
    was_ended = change.old is not None and change.old.get("state") == "ended"
    return None if was_ended else repository.chunk_of(change.new)


def finished_batch(change: Change) -> Batch | None:
    """The batch that was completed or refused with this change, if one was."""
    ends = ("completed", "refused")
    if change.new is None or "status" not in change.new or change.new["status"] not in ends:
        return None
    was_finished = change.old is not None and change.old.get("status") in ends
    return None if was_finished else repository.batch_of(change.new)
