"""The use cases: a job in, a document or the reason why there is none out."""

import atexit
from functools import cache
from signal import SIGABRT, SIGKILL, SIGSEGV, SIGXCPU
from typing import Any

from craftkit.typesetter import (
    FONT_LIMIT_BYTES,
    Document,
    FontError,
    FontFace,
    Job,
    Preview,
    RenderTimeoutError,
    RenderTooLargeError,
    SourceError,
    StandardError,
    TypesettingError,
)
from typesetting.request import REPLACEMENT, request
from typesetting.sandbox import WORK_SECONDS, DiedError, Sandbox, SandboxError, TimedOutError
from typesetting.warnings import warnings_of

# How a child ends that was refused memory, was killed for it, or ran out of stack.
_OUT_OF_MEMORY = {-SIGABRT, -SIGKILL, -SIGSEGV}

_ERRORS: dict[str, type[TypesettingError]] = {
    "source": SourceError,
    "standard": StandardError,
    "too_large": RenderTooLargeError,
}


@cache
def _sandbox() -> Sandbox:
    sandbox = Sandbox()
    atexit.register(sandbox.close)
    return sandbox


def warm() -> None:
    """Start the child process, for the time before the first job. Safe to call again."""
    _sandbox().warm()


def typeset(job: Job) -> Document:
    """Typeset a job in the child process.

    Raises:
        TypesettingError: there is no document; the subclass and `code` say why.
        DiedError: the child ended for no fault of the job's.
    """
    answer, results, warnings = _answer(job, "pdf", None)
    return Document(results[0], answer["page_count"], warnings)


def preview(job: Job, pixels_per_inch: float = 96.0) -> Preview:
    """The job's pages as PNG pictures, for an editor that shows them while somebody types.

    There is no watermark and no judgement by the PDF standard. Raises as `typeset` does.
    """
    return Preview.of(_answer(job, "png", pixels_per_inch)[1])


def check_font(content: bytes) -> FontFace:
    """The face of a TrueType or OpenType file, at most 4 MiB, that a project brings.

    Raises:
        FontError: it is no such file, or nothing can be set with it.
    """
    if len(content) > FONT_LIMIT_BYTES:
        raise FontError("A font may have 4 MiB.")
    try:
        answer, _ = _sandbox().exchange({"format": "font"}, [content])
    except SandboxError as error:
        raise FontError("Nothing can be set with this font.") from error
    if "error" in answer:
        raise FontError(answer["message"])
    return FontFace(answer["family"], answer["weight"], answer["style"])


def _answer(
    job: Job, form: str, pixels_per_inch: float | None
) -> tuple[dict[str, Any], list[bytes], tuple[str, ...]]:
    header, blobs = request(job, form, pixels_per_inch)
    try:
        answer, results = _sandbox().exchange(header, blobs)
    except TimedOutError as error:
        raise _timeout() from error
    except DiedError as error:
        if error.status in _OUT_OF_MEMORY:
            raise RenderTooLargeError("The render took more memory than it may.") from error
        if error.status == -SIGXCPU:
            raise _timeout() from error
        raise
    if "error" in answer:
        kind = _ERRORS[answer["error"]]
        raise kind(answer["message"], answer.get("line"), answer.get("column"))
    replaced = REPLACEMENT.encode() in blobs[0]
    told = warnings_of(job, answer["missing"], replaced=replaced)
    return answer, results, (*answer["warnings"], *told)


def _timeout() -> RenderTimeoutError:
    return RenderTimeoutError(f"The render took longer than {WORK_SECONDS:.0f} seconds of work.")
