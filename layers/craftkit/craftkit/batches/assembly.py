"""Assembles the documents of a batch into one ZIP file, streamed from the bucket to the bucket.

One process assembles at a time, by a lease on the batch's row. One that dies is repeated from the
start, `TRIES` times at most. The file is written by a multipart upload, so that half of it never
appears.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import IO, Any, cast
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from botocore.exceptions import BotoCoreError, ClientError

from craftkit.batches import files, repository
from craftkit.batches.merging import OBJECT_LIMIT, MergedPdf, TooManyObjectsError
from craftkit.batches.models import Batch, Chunk, Result
from craftkit.batches.progress import counts_of, tally
from craftkit.clock import to_rfc3339, utc_now
from craftkit.dynamodb import ConditionFailedError
from craftkit.renders.files import MEDIA_TYPES, ZIP_TYPE
from craftkit.renders.lifecycle import WORKER_FAILED
from craftkit.storage import MultipartUpload

LEASE = timedelta(minutes=16)
"""Longer than the function's timeout of 15 minutes."""

TRIES = 5
"""How often the file is begun by processes that end before it is written."""

RESULT_FAILED = (
    f"The one file of all documents could not be written in {TRIES} attempts. Create smaller "
    "batches, or send `output: files`."
)

_PACKS_HELD = 2
"""Of about 32 MiB each."""

_TOO_LARGE = (
    f"The merged PDF would have more than {OBJECT_LIMIT:,} objects. Create smaller batches, or "
    "choose the output zip."
)
MANIFEST = "manifest.ndjson"
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
"""The earliest that ZIP can tell, so that the same documents give the same file."""


def assemble_batch(project_id: str, batch_id: str) -> Batch | None:
    """Write the result of a batch whose documents have all ended, and complete the batch.

    Returns:
        The completed batch, or None where there is nothing to do.
    """
    batch = repository.get(project_id, batch_id)
    if batch is None or batch.status != "running" or batch.output == "files":
        return None
    chunks = repository.chunks_of(batch)
    sums = tally(chunks)
    held = _claim(batch, utc_now()) if sums.is_over else None
    if held is None:
        return None
    failure: dict[str, Any] = {}
    if held.assemblies > TRIES:
        failure = {"error_code": WORKER_FAILED, "error_message": RESULT_FAILED}
    elif sums.succeeded:
        try:
            failure = _write(batch, chunks)
        except (BotoCoreError, ClientError):  # a fault of AWS is no attempt
            _forget_try(held)
            raise
    try:
        item = repository.update(
            project_id,
            batch_id,
            set_={
                **counts_of(sums),
                **failure,
                "status": "completed",
                "completed_at": to_rfc3339(utc_now()),
            },
            remove=(
                repository.UNFINISHED,
                "due_at",
                "assembling_until",
                *(() if failure else ("error_code", "error_message")),
            ),
            condition="#status = :running AND assembling_until = :held",
            values={":running": "running", ":held": held.assembling_until},
        )
    except ConditionFailedError:  # cancelled meanwhile, or another process has taken it over
        return None
    return repository.batch_of(item)


def _claim(batch: Batch, now: datetime) -> Batch | None:
    """The batch with this process's lease and try; None where another one holds it."""
    until = to_rfc3339(now + LEASE)
    try:
        item = repository.update(
            batch.project_id,
            batch.id,
            set_={"assembling_until": until, "due_at": until},
            add={"assemblies": 1},
            condition="#status = :running AND attempt = :attempt "
            "AND (attribute_not_exists(assembling_until) OR assembling_until <= :now)",
            values={
                ":running": "running",
                ":attempt": batch.attempt,
                ":now": to_rfc3339(now),
            },
        )
    except ConditionFailedError:
        return None
    return repository.batch_of(item)


def _forget_try(held: Batch) -> None:
    try:
        repository.update(
            held.project_id,
            held.id,
            set_={"assemblies": held.assemblies - 1},
            condition="#status = :running AND assembling_until = :held",
            values={":running": "running", ":held": held.assembling_until},
        )
    except (BotoCoreError, ClientError, ConditionFailedError):
        return


def _write(batch: Batch, chunks: Sequence[Chunk]) -> dict[str, Any]:
    """Write the one file. Returns the error of the batch, if it has none."""
    if batch.output == "merged":
        return _write_merged(batch, chunks)
    _write_zip(batch, chunks)
    return {}


def _write_merged(batch: Batch, chunks: Sequence[Chunk]) -> dict[str, Any]:
    """Write every document into one PDF in the order of the rows.

    Returns:
        The error of the batch, where the PDF would have more objects than it may.
    """
    upload = MultipartUpload(files.result_key(batch), content_type=MEDIA_TYPES["pdf"])
    try:
        with upload:
            merged = MergedPdf(upload)
            for result, fragment in _fragments(chunks):
                merged.add(fragment, PurePosixPath(result.filename).stem)
            merged.close()
    except TooManyObjectsError:
        return {"error_code": "render_too_large", "error_message": _TOO_LARGE}
    return {}


def _fragments(chunks: Sequence[Chunk]) -> Iterator[tuple[Result, bytes]]:
    """Each document by its row. Rows that were tried again are in the range of their first chunk:
    the chunks of one range are read together."""
    ranges: dict[str, list[Chunk]] = {}
    first_of: dict[str, str] = {}
    for chunk in chunks:
        first = first_of.get(chunk.replaces, chunk.replaces) if chunk.replaces else chunk.key
        first_of[chunk.key] = first
        ranges.setdefault(first, []).append(chunk)
    for group in ranges.values():
        places = [
            (result, chunk, part, number)
            for chunk in group
            for part in chunk.parts
            for number, result in enumerate(
                each for each in files.get_part(chunk, part) if each.status == "succeeded"
            )
        ]
        places.sort(key=lambda place: place[0].row)
        packs: dict[str, list[bytes]] = {}
        for result, chunk, part, number in places:
            if part not in packs:
                if len(packs) == _PACKS_HELD:
                    del packs[next(iter(packs))]
                packs[part] = list(files.split_pack(files.get_pack(chunk, part)))
            yield result, packs[part][number]


def _write_zip(batch: Batch, chunks: Sequence[Chunk]) -> None:
    lines: list[dict[str, Any]] = []
    names: set[str] = {MANIFEST}
    with (
        MultipartUpload(files.result_key(batch), content_type=ZIP_TYPE) as upload,
        ZipFile(cast("IO[bytes]", upload), "w", ZIP_STORED) as archive,
    ):
        for result, content in _documents(chunks):
            name = _unique(result, names) if content is not None else None
            if name is not None and content is not None:
                archive.writestr(_entry(name), content)
            lines.append(_line(result, name))
        lines.sort(key=lambda line: int(line["row"]))
        text = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
        archive.writestr(_entry(MANIFEST), text)


def _documents(chunks: Sequence[Chunk]) -> Iterator[tuple[Result, bytes | None]]:
    """Each row of the chunks with its document; of a row that was tried again, the last one."""
    replaced = {chunk.replaces for chunk in chunks}
    for chunk in chunks:
        for part in chunk.parts:
            results = files.get_part(chunk, part)
            has_documents = any(result.status == "succeeded" for result in results)
            pack, start = files.get_pack(chunk, part) if has_documents else b"", 0
            for result in results:
                if result.status == "succeeded":
                    end = start + (result.size_bytes or 0)
                    yield result, pack[start:end]
                    start = end
                elif chunk.key not in replaced:
                    yield result, None


def _entry(name: str) -> ZipInfo:
    entry = ZipInfo(name, _ZIP_DATE)
    entry.external_attr = 0o644 << 16
    return entry


def _unique(result: Result, names: set[str]) -> str:
    """The file name of a document, with its row where an earlier one has the same."""
    path = PurePosixPath(result.filename)
    name = path.name
    if name in names:
        name = f"{path.stem}-{result.row:06d}{path.suffix}"
    while name in names:
        name = f"{result.row:06d}-{name}"
    names.add(name)
    return name


def _line(result: Result, name: str | None) -> dict[str, Any]:
    """A line of the manifest."""
    return {
        "row": result.row,
        "status": result.status,
        "filename": name,
        "jobId": result.job_id,
        "metadata": result.metadata,
        "pageCount": result.page_count,
        "sizeBytes": result.size_bytes,
        "sha256": result.sha256,
        "errorCode": result.error_code,
        "errorMessage": result.error_message,
    }
