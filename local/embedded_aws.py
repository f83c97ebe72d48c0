"""Starts ministack with two changes for small machines, and one for IAM.

Each layer is unpacked once and linked into every environment that uses it; ministack would unpack
hundreds of megabytes for each worker. On Lambda, `/opt` is also read-only. Functions run with a
lower priority than the services, so that many cold starts do not make table requests time out.

AWS authorizes the batch operations of SQS as the operation on one message
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html);
ministack expects an action that IAM does not have.

This runs in ministack's own Python, which cannot import the project's modules.
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
_ACTIONS = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}

_unpack = ZipFile.extractall
_lock = threading.Lock()


class _Function(subprocess.Popen[str]):
    """The process of an execution environment, the only kind that ministack starts."""

    def __init__(self, *args: Any, **how: Any) -> None:
        super().__init__(*args, **how)
        os.setpriority(os.PRIO_PROCESS, self.pid, _FUNCTION_NICENESS)


def main() -> None:
    from ministack.app import main as serve
    from ministack.core import iam_actions

    extract = iam_actions.extract_iam_action

    def extract_iam_action(*args: Any, **how: Any) -> str | None:
        action: str | None = extract(*args, **how)
        return _ACTIONS.get(action, action) if action else action

    iam_actions.extract_iam_action = extract_iam_action
    ZipFile.extractall = _link_layer  # type: ignore[method-assign,assignment]
    subprocess.Popen = _Function  # type: ignore[misc,assignment]
    sys.exit(serve())


def _link_layer(
    archive: ZipFile, path: str, members: object = None, pwd: bytes | None = None
) -> None:
    """`ZipFile.extractall`, except for a layer: it is linked to the shared copy."""
    target = Path(path)
    if not target.name.startswith("layer_") or members is not None:
        _unpack(archive, path, members, pwd)  # type: ignore[arg-type]
        return
    for entry in _copy_of(archive).iterdir():
        (target / entry.name).symlink_to(entry)
    if archive.filename:
        Path(archive.filename).unlink()  # the environment's copy of the archive, no longer needed


def _copy_of(archive: ZipFile) -> Path:
    """The folder with the archive's contents, created at the first call."""
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
