"""Loads the files of a render's finishing, and checks each PDF in the sandbox.

URLs are fetched here through the guarded network module: the sandboxed child has no network.
"""

import mimetypes
from base64 import b64decode
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from craftkit import process_cache, storage
from craftkit.network import FetchError, Network, Policy, fetch
from craftkit.renders.finishing import PLAIN, AppendedPdf, Attachment, FinishingRequest
from craftkit.typesetter import (
    AppendedFile,
    AttachedFile,
    CheckedFile,
    FileError,
    FilePurpose,
    Finishing,
    Password,
)
from typesetting.service import check_file

FILES_LIMIT_BYTES = 25 * 1024 * 1024
"""Of all files of one document together."""

FETCH_SECONDS = 8.0
CHECK_SECONDS = 12.0
"""For all files of one document together. The worker's timeout is 60 s, images and typesetting
included."""

_REDIRECTS = 3
_TITLE_LENGTH = 200


@dataclass
class FinishingFiles:
    """Loads the files of one project's documents. Files are loaded once for all of them.

    Args:
        project_id: the project whose renders may be appended.
    """

    project_id: str
    network: Network = field(default_factory=Network)
    _left_bytes: int = FILES_LIMIT_BYTES
    _left_fetch_seconds: float = FETCH_SECONDS
    _left_check_seconds: float = CHECK_SECONDS

    def load(self, request: FinishingRequest) -> Finishing:
        """The finishing with its files.

        Raises:
            FileError: a file cannot be used; the message begins with the path of its field.
        """
        password = request.password
        return Finishing(
            letterhead=load_letterhead(request.letterhead_key) if request.letterhead_key else None,
            append=tuple(
                self._appended(number, wanted, keeps_tags=standard != PLAIN)
                for number, (wanted, standard) in enumerate(
                    zip(request.append, request.append_standards, strict=True)
                )
            ),
            attachments=tuple(self._attached(*each) for each in enumerate(request.attachments)),
            password=Password(
                password.open,
                password.owner,
                None if password.permissions is None else tuple(password.permissions),
            )
            if password
            else None,
        )

    def _appended(self, number: int, wanted: AppendedPdf, *, keeps_tags: bool) -> AppendedFile:
        path = f"options.append.{number}"
        purpose: FilePurpose = "render" if keeps_tags else "append"
        if wanted.render_id is not None:
            content = self._render(path, wanted.render_id)
        else:
            content = self._content(path, wanted)
        checked = self._checked(path, content, purpose)
        title = wanted.title or _name_in(wanted.url) or f"Appendix {number + 1}"
        return AppendedFile(checked.content, title)

    def _attached(self, number: int, wanted: Attachment) -> AttachedFile:
        content = self._content(f"options.attachments.{number}", wanted)
        media_type, encoding = mimetypes.guess_type(wanted.filename)
        return AttachedFile(
            filename=wanted.filename,
            content=content,
            media_type=media_type if media_type and not encoding else "application/octet-stream",
            relationship=wanted.relationship,
            description=wanted.description,
        )

    def _render(self, path: str, render_id: str) -> bytes:
        content = storage.find(f"renders/{self.project_id}/{render_id}.pdf")
        if content is None:
            raise FileError(f"{path}: the render was deleted before its pages were needed.")
        return self._counted(path, content)

    def _content(self, path: str, wanted: AppendedPdf | Attachment) -> bytes:
        if wanted.content is not None:
            return self._counted(path, b64decode(wanted.content))
        return self._fetched(path, str(wanted.url))

    def _counted(self, path: str, content: bytes) -> bytes:
        self._left_bytes -= len(content)
        if self._left_bytes < 0:
            raise FileError(f"{path}: {_too_large()}")
        return content

    def _fetched(self, path: str, url: str) -> bytes:
        started = self.network.monotonic()
        policy = Policy(
            schemes=frozenset({"http", "https"}),
            max_bytes=max(self._left_bytes, 1),
            deadline_seconds=max(self._left_fetch_seconds, 0.1),
            redirects=_REDIRECTS,
        )
        try:
            answer = fetch(url, policy, network=self.network)
        except FetchError as error:
            message = _too_large() if "larger than" in str(error) else f"{error}."
            raise FileError(f"{path}.url: {message}") from error
        finally:
            self._left_fetch_seconds -= self.network.monotonic() - started
        if answer.status != 200:
            raise FileError(f"{path}.url: the host returned status {answer.status}.")
        return self._counted(path, answer.body)

    def _checked(self, path: str, content: bytes, purpose: FilePurpose) -> CheckedFile:
        started = self.network.monotonic()
        try:
            if self._left_check_seconds <= 0:
                raise FileError("the files take too long to read together")
            return check_file(content, purpose)
        except FileError as error:
            raise FileError(f"{path}: {error}.") from error
        finally:
            self._left_check_seconds -= self.network.monotonic() - started


@lru_cache(maxsize=8)
def load_letterhead(key: str) -> bytes:
    """The prepared letterhead of a key. It never changes, so it is cached."""
    return storage.get(key)


process_cache.register(load_letterhead.cache_clear)


def _name_in(url: str | None) -> str:
    """The name of the file that a URL ends with."""
    name = PurePosixPath(unquote(urlsplit(url or "").path)).stem
    return name[:_TITLE_LENGTH] if name.isprintable() else ""


def _too_large() -> str:
    limit = FILES_LIMIT_BYTES // 1024 // 1024
    return f"the files of the document exceed {limit} MiB in total."
