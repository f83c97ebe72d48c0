"""From an uploaded file to a running batch: its rows are checked, charged and queued.

A file is checked in slices. The batch's row says how far: each slice begins there, writes the
chunks of the rows that it checked, and moves the mark by a conditional write. Of two slices that
run at the same time, one moves it; both write the same chunks, because a chunk is a fixed group of
rows.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from time import monotonic

from botocore.exceptions import BotoCoreError, ClientError

from craftkit.auth.principal import Principal
from craftkit.batches import dispatch, files, repository
from craftkit.batches.checking import CheckedRows
from craftkit.batches.lifecycle import CHUNK_ROWS, new_chunk
from craftkit.batches.models import ROWS_LIMIT, Batch, Chunk, InvalidRow
from craftkit.batches.progress import CHECK_EVERY
from craftkit.batches.uploads import UnreadableFileError, read_rows
from craftkit.clock import to_rfc3339, utc_now
from craftkit.dynamodb import ConditionFailedError
from craftkit.errors import InvalidInputError, NotFoundError, QuotaExceededError, RateLimitedError
from craftkit.limits import service as limits
from craftkit.renders import input_keys
from craftkit.storage import ReplacedError
from craftkit.templates import service as templates

SLICE_SECONDS = 10.0
SLICE_TRIES = 5
"""How often a slice begins whose process ends before it does, such as for lack of memory."""

INVALID_DATA = "invalid_input_data"
INVALID_FILE = "invalid_upload"
_PUTS_AT_ONCE = 8


def prepare_batch(batch: Batch) -> None:
    """Check one slice of the file of a batch, and start the batch behind the last one.

    A slice that ends the process is tried `SLICE_TRIES` times. Then the batch is refused.

    Raises:
        RateLimitedError: the project's rate is used up; call it again later.
        BotoCoreError, ClientError: a fault of AWS; call it again later.
    """
    try:
        batch = _begin_slice(batch)
        if batch.tries > SLICE_TRIES:
            message = f"The file could not be checked in {SLICE_TRIES} attempts. Split it."
            refuse_batch(batch, INVALID_FILE, message)
            return
        checked, is_all = _check_slice(batch)
        if is_all:
            _start(checked)
        else:
            dispatch.request_check(batch.project_id, batch.id)
    except ConditionFailedError:  # another slice was quicker, or the batch was cancelled
        return
    except UnreadableFileError as error:
        refuse_batch(batch, INVALID_FILE, str(error))
    except ReplacedError:
        message = (
            "The file was replaced while it was checked. Upload it once, then start the batch."
        )
        refuse_batch(batch, INVALID_FILE, message)
    except NotFoundError as error:  # the template was deleted meanwhile
        refuse_batch(batch, error.code, str(error))
    except (BotoCoreError, ClientError, RateLimitedError):
        _forget_try(batch)
        raise


def _begin_slice(batch: Batch) -> Batch:
    """Count the try. Raises ConditionFailedError if the batch is not being checked any more."""
    item = repository.update(
        batch.project_id,
        batch.id,
        set_={"due_at": to_rfc3339(utc_now() + CHECK_EVERY)},
        add={"tries": 1},
        condition="#status = :checking AND checked_bytes = :seen",
        values={":checking": "checking", ":seen": batch.checked_bytes},
    )
    return repository.batch_of(item)


def _forget_try(batch: Batch) -> None:
    try:
        repository.update(
            batch.project_id,
            batch.id,
            set_={"tries": batch.tries - 1},
            condition="#status = :checking AND tries = :tries",
            values={":checking": "checking", ":tries": batch.tries},
        )
    except (BotoCoreError, ClientError, ConditionFailedError):
        return


def _check_slice(batch: Batch) -> tuple[Batch, bool]:
    """Check rows from the mark on. Returns the batch afterwards, and whether these were all."""
    version = templates.current_version(batch.project_id, batch.template_slug, batch.version_number)
    begun, number, end, is_all = monotonic(), batch.total, batch.checked_bytes, True
    group, invalid = CheckedRows(), list[InvalidRow]()
    chunks: list[Chunk] = []
    key = input_keys.find_key(batch.project_id, batch.id)
    with ThreadPoolExecutor(_PUTS_AT_ONCE) as pool:
        puts = []

        def store_group() -> None:
            nonlocal group
            if group.rows:
                chunk = new_chunk(batch, 1, (number - 1) // CHUNK_ROWS, len(group.rows))
                puts.append(pool.submit(files.put_rows, chunk, group.rows, key))
                chunks.append(chunk)
            invalid.extend(group.invalid)
            group = CheckedRows()

        for read in read_rows(batch, batch.checked_bytes):
            number, end = number + 1, read.end
            if number > ROWS_LIMIT:
                raise UnreadableFileError(f"The file has more than {ROWS_LIMIT} rows.")
            if isinstance(read.item, InvalidInputError):
                group.refuse(number, read.item, None)
            else:
                group.add_json(batch, version.manifest, number, read.item)
            if number % CHUNK_ROWS == 0:
                store_group()
                if monotonic() - begun > SLICE_SECONDS:
                    is_all = False
                    break
        store_group()
    for put in puts:
        put.result()
    repository.put_chunks(chunks)
    parts = [*batch.invalid_parts, *([files.put_invalid(batch, invalid)] if invalid else [])]
    item = repository.update(
        batch.project_id,
        batch.id,
        set_={
            "checked_bytes": end,
            "tries": 0,
            "total": number,
            "invalid": batch.invalid + len(invalid),
            "invalid_parts": parts,
            "due_at": to_rfc3339(utc_now() + CHECK_EVERY),
        },
        condition="#status = :checking AND checked_bytes = :seen",
        values={":checking": "checking", ":seen": batch.checked_bytes},
    )
    return repository.batch_of(item), is_all


def _start(batch: Batch) -> None:
    """Charge the valid rows of a checked batch, all of them or none, and queue its chunks."""
    valid = batch.total - batch.invalid
    if not batch.total:
        return refuse_batch(batch, INVALID_FILE, "The file has no rows.")
    if batch.invalid and (batch.on_invalid == "refuse" or not valid):
        return refuse_batch(batch, INVALID_DATA, invalid_message(batch))
    principal = Principal(batch.project_id, batch.key_id, batch.mode, frozenset())
    try:
        charge = limits.charge(principal, renders=valid)
    except QuotaExceededError as error:
        return refuse_batch(batch, error.code, str(error))
    now = utc_now()
    try:
        item = repository.update(
            batch.project_id,
            batch.id,
            set_={
                "status": "running",
                "started_at": to_rfc3339(now),
                "due_at": to_rfc3339(now + CHECK_EVERY),
            },
            condition="#status = :checking",
            values={":checking": "checking"},
        )
    except ConditionFailedError:  # started by another slice, or cancelled
        charge.refund()
        return None
    dispatch.enqueue_chunks(repository.chunks_of(repository.batch_of(item)))
    return None


def start_checking(batch: Batch, etag: str, now: datetime) -> Batch | None:
    """Begin to check an uploaded file. None if the batch does not wait for one any more.

    Args:
        etag: of the file; another one under the same URL refuses the batch.
    """
    try:
        item = repository.update(
            batch.project_id,
            batch.id,
            set_={
                "status": "checking",
                "checked_bytes": 0,
                "upload_etag": etag,
                **repository.unfinished_fields(batch.id, now + CHECK_EVERY),
            },
            condition="#status = :awaiting",
            values={":awaiting": "awaiting_upload"},
        )
    except ConditionFailedError:
        return None
    dispatch.request_check(batch.project_id, batch.id)
    return repository.batch_of(item)


def invalid_message(batch: Batch) -> str:
    return f"{batch.invalid} of {batch.total} items do not fit the template."


def refuse_batch(batch: Batch, code: str, message: str) -> None:
    """End a batch that is being checked. Does nothing to one that is not."""
    try:
        repository.update(
            batch.project_id,
            batch.id,
            set_={
                "status": "refused",
                "completed_at": to_rfc3339(utc_now()),
                "error_code": code,
                "error_message": message,
            },
            remove=(repository.UNFINISHED, "due_at"),
            condition="#status = :checking",
            values={":checking": "checking"},
        )
    except ConditionFailedError:
        return
