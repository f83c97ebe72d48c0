"""The objects of a batch in the documents bucket, all below `batches/<project id>/<batch id>/`.

- `rows/<chunk>`: the validated data of a chunk's rows, encrypted with the batch's key
- `finishing`: the finishing of every document, encrypted too, where there is one
- `results/<chunk>-<part>`: how a chunk's rows ended, in the order of the rows
- `packs/<chunk>-<part>`: the documents of a part, where the output is one file; their fragments,
  where it is a merged PDF
- `invalid/<part>`: the rows that do not fit the template
- `upload`: the file with the rows, where there is one
- `files/<row>.pdf`: a document, where the output is files; `files/<row>-<hash>.pdf` if sealed
- `result-<attempt>.zip`, `….pdf`: every document, where the output is one file
"""

import json
import zlib
from collections.abc import Iterator, Sequence

from craftkit import storage
from craftkit.batches.models import Batch, Chunk, InvalidRow, Result, Row
from craftkit.ids import new_id
from craftkit.renders import input_keys
from craftkit.renders.files import ENDINGS
from craftkit.renders.finishing import FinishingRequest
from craftkit.schema import from_stored, from_stored_json

_PACKED = "application/zlib"
_BYTES = "application/octet-stream"


def put_rows(chunk: Chunk, rows: Sequence[Row], key: bytes | None) -> None:
    """Store rows, encrypted with the key of their batch. Older batches have none."""
    content = _packed(rows)
    if key is not None:
        content = input_keys.seal_with(key, chunk.batch_id, content)
    storage.put(f"{_folder_of(chunk)}/rows/{_name_of(chunk)}", content, content_type=_BYTES)


def get_rows(chunk: Chunk) -> list[Row]:
    """The rows of a chunk.

    Raises:
        NotFoundError: the batch was erased.
    """
    content = storage.get(f"{_folder_of(chunk)}/rows/{_name_of(chunk)}")
    packed = input_keys.unseal(chunk.project_id, chunk.batch_id, content)
    return [from_stored(Row, row) for row in _unpacked(packed)]


def put_finishing(batch: Batch, finishing: FinishingRequest, key: bytes) -> None:
    """Store the finishing of a batch, encrypted: it may hold passwords and files."""
    content = input_keys.seal_with(key, batch.id, finishing.model_dump_json().encode())
    storage.put(_finishing_key(batch), content, content_type=_BYTES)


def get_finishing(batch: Batch) -> FinishingRequest:
    """Raises NotFoundError as `get_rows`."""
    content = input_keys.unseal(batch.project_id, batch.id, storage.get(_finishing_key(batch)))
    return from_stored_json(FinishingRequest, content)


def delete_finishing(batch: Batch) -> None:
    storage.delete(_finishing_key(batch))


def delete_all_of(project_id: str) -> None:
    """Delete every object of every batch of a project."""
    storage.delete_folder(f"batches/{project_id}/")


def delete_rows(chunk: Chunk) -> None:
    storage.delete(f"{_folder_of(chunk)}/rows/{_name_of(chunk)}")


def put_results(chunk: Chunk, results: Sequence[Result], documents: Sequence[bytes] = ()) -> str:
    """Store the results of a chunk's next part, with its documents where the output is one file.

    Returns:
        The part's name, which is new each time: a worker that lost its lease replaces nothing.
    """
    part = new_id()
    if documents:
        storage.put(_pack_key(chunk, part), b"".join(documents), content_type=_BYTES)
    _put(_results_key(chunk, part), results)
    return part


def get_results(chunk: Chunk) -> Iterator[Result]:
    """The results of a chunk's rows that have ended."""
    for part in chunk.parts:
        yield from get_part(chunk, part)


def get_part(chunk: Chunk, part: str) -> list[Result]:
    """The results of one part of a chunk."""
    return [from_stored(Result, result) for result in _get(_results_key(chunk, part))]


def get_pack(chunk: Chunk, part: str) -> bytes:
    """The documents of a part one after another, in the order of its results."""
    return storage.get(_pack_key(chunk, part))


def packed_fragment(fragment: bytes) -> bytes:
    """A fragment with its length, as it stands in a pack."""
    return len(fragment).to_bytes(8, "big") + fragment


def split_pack(pack: bytes) -> Iterator[bytes]:
    """The fragments of a pack, in the order of its results."""
    at = 0
    while at < len(pack):
        end = at + 8 + int.from_bytes(pack[at : at + 8], "big")
        yield pack[at + 8 : end]
        at = end


def result_key(batch: Batch) -> str:
    """The key of the one file that holds every document of a batch, after its present attempt."""
    ending = "pdf" if batch.output == "merged" else "zip"
    return f"{folder(batch.project_id, batch.id)}/result-{batch.attempt:03d}.{ending}"


def put_invalid(batch: Batch, rows: Sequence[InvalidRow]) -> str:
    """Store invalid rows. Returns the part's name, which is new each time."""
    part = new_id()
    _put(_invalid_key(batch, part), rows)
    return part


def delete_invalid(batch: Batch, part: str) -> None:
    storage.delete(_invalid_key(batch, part))


def get_invalid(batch: Batch, part: str) -> list[InvalidRow]:
    return [from_stored(InvalidRow, row) for row in _get(_invalid_key(batch, part))]


def upload_key(batch: Batch) -> str:
    """The key of the uploaded file."""
    return f"{folder(batch.project_id, batch.id)}/upload"


def _invalid_key(batch: Batch, part: str) -> str:
    return f"{folder(batch.project_id, batch.id)}/invalid/{part}"


def document_key(batch: Batch, row: int, media_type: str, sha256: str) -> str:
    """The key of one document of a batch.

    A signature differs each time it is made. So the key of a sealed document has its hash: a worker
    that lost its lease replaces nothing.
    """
    name = f"{row:06d}-{sha256[:16]}" if batch.seal else f"{row:06d}"
    return f"{folder(batch.project_id, batch.id)}/files/{name}{ENDINGS[media_type][0]}"


def folder(project_id: str, batch_id: str) -> str:
    return f"batches/{project_id}/{batch_id}"


def _finishing_key(batch: Batch) -> str:
    return f"{folder(batch.project_id, batch.id)}/finishing"


def _folder_of(chunk: Chunk) -> str:
    return folder(chunk.project_id, chunk.batch_id)


def _name_of(chunk: Chunk) -> str:
    """`001-00042`: the attempt and the number of the chunk."""
    return "-".join(chunk.key.split("#")[2:])


def _results_key(chunk: Chunk, part: str) -> str:
    return f"{_folder_of(chunk)}/results/{_name_of(chunk)}-{part}"


def _pack_key(chunk: Chunk, part: str) -> str:
    return f"{_folder_of(chunk)}/packs/{_name_of(chunk)}-{part}"


def _put(key: str, parts: Sequence[Result | InvalidRow]) -> None:
    storage.put(key, _packed(parts), content_type=_PACKED)


def _get(key: str) -> list[dict[str, object]]:
    return _unpacked(storage.get(key))


def _packed(parts: Sequence[Row | Result | InvalidRow]) -> bytes:
    dumped = [part.model_dump(mode="json", exclude_defaults=True) for part in parts]
    text = json.dumps(dumped, ensure_ascii=False, separators=(",", ":"))
    return zlib.compress(text.encode(), level=6)


def _unpacked(content: bytes) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(zlib.decompress(content))
    return found
