"""Erases the batches of a project that is deleted."""

from craftkit.batches import files, repository
from craftkit.renders import input_keys


def erase_batches(project_id: str) -> int:
    """Erase every batch of a project: its row, its key, its data, documents and results.

    Rows of chunks stay until the retention ends: they have no content, and usage is counted again
    from them. A chunk whose batch is gone is not begun. Repeating it goes on.

    Returns:
        How many there were.
    """
    count = 0
    for batch in repository.every(project_id):
        repository.delete(project_id, batch.id)
        input_keys.delete(project_id, batch.id)
        count += 1
    files.delete_all_of(project_id)
    return count
