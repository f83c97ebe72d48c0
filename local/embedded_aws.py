"""ministack, closer to AWS in two ways that a small machine feels.

Each layer is unpacked once and lent to every environment that carries it; ministack would unpack it
anew for each, hundreds of megabytes for a worker. On Lambda, `/opt` is read-only and shared too.
And functions yield to the services, so that a burst of cold starts does not make a table time out.

This runs in ministack's own Python, where nothing of ours can be imported.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any
from zipfile import ZipFile

_FUNCTION_NICENESS = 4

_unpack = ZipFile.extractall
_lock = threading.Lock()


class _Function(subprocess.Popen[str]):
    """The process of an execution environment; ministack starts no others."""

    def __init__(self, *args: Any, **how: Any) -> None:
        super().__init__(*args, **how)
        os.setpriority(os.PRIO_PROCESS, self.pid, _FUNCTION_NICENESS)


def main() -> None:
    from ministack.app import main as serve

    ZipFile.extractall = _lend  # type: ignore[method-assign,assignment]
    subprocess.Popen = _Function  # type: ignore[misc,assignment]
    sys.exit(serve())


def _lend(archive: ZipFile, path: str, members: object = None, pwd: bytes | None = None) -> None:
    """`ZipFile.extractall`, but for a layer: links into the one copy of it."""
    target = Path(path)
    if not target.name.startswith("layer_") or members is not None:
        _unpack(archive, path, members, pwd)  # type: ignore[arg-type]
        return
    for entry in _copy_of(archive).iterdir():
        (target / entry.name).symlink_to(entry)
    if archive.filename:
        Path(archive.filename).unlink()  # the environment's own copy of the archive, read by now


def _copy_of(archive: ZipFile) -> Path:
    """The folder of the archive's contents, made when they are first asked for."""
    digest = hashlib.sha256()
    for info in archive.infolist():
        digest.update(f"{info.filename}\0{info.CRC}\0{info.file_size}\n".encode())
    copy = Path(tempfile.gettempdir()) / f"layer-{digest.hexdigest()[:16]}"
    with _lock:
        if not copy.exists():
            unfinished = copy.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            _unpack(archive, str(unfinished))
            unfinished.rename(copy)
    return copy


if __name__ == "__main__":
    main()
