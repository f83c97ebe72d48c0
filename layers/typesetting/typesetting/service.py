"""The use cases of the typesetter: a job becomes a document, images or an error."""

import atexit
from functools import cache
from signal import SIGABRT, SIGKILL, SIGSEGV, SIGXCPU
from typing import Any

from craftkit.observability import logger
from craftkit.typesetter import (
    FONT_LIMIT_BYTES,
    CheckedFile,
    Document,
    FileError,
    FilePurpose,
    FontError,
    FontFace,
    Job,
    OutputFormat,
    PageImages,
    Preview,
    RenderTimeoutError,
    RenderTooLargeError,
    SourceError,
    StandardError,
    TypesettingError,
)
from typesetting.request import REPLACEMENT, request
from typesetting.sandbox import (
    WORK_SECONDS,
    DiedError,
    Sandbox,
    SandboxError,
    StartError,
    TimedOutError,
)
from typesetting.warnings import warnings_of

CHECK_SECONDS = 8.0
_UNREADABLE = "it takes more memory to read than it may use"

# Exit statuses of a child that ran out of memory or stack.
_OUT_OF_MEMORY = {-SIGABRT, -SIGKILL, -SIGSEGV}

_ERRORS: dict[str, type[TypesettingError]] = {
    "source": SourceError,
    "standard": StandardError,
    "too_large": RenderTooLargeError,
}

Answer = tuple[dict[str, Any], list[bytes], tuple[str, ...]]


@cache
def _sandbox() -> Sandbox:
    sandbox = Sandbox()
    atexit.register(sandbox.close)
    return sandbox


def warm() -> None:
    """Start the child process before the first job. Repeated calls have no effect."""
    _sandbox().warm()


def typeset(job: Job) -> Document:
    """Typeset a job in the child process.

    Raises:
        TypesettingError: the template, its data, images or fonts make no document; the subclass
            and `code` give the reason.
        SandboxError: the child cannot be started or cannot read the request.
    """
    answer, results, warnings = _answer(job, "pdf")
    return Document(results[0], answer["page_count"], warnings)


def preview(job: Job, pixels_per_inch: float = 96.0) -> Preview:
    """The job's pages as PNG images, for a preview.

    A violation of the job's PDF standard is a warning here. Raises as `typeset` does.
    """
    _, results, warnings = _answer(job, "png", pixels_per_inch)
    return Preview.of(results, warnings)


def draw_images(
    job: Job, output_format: OutputFormat, pixels_per_inch: float, pages: str | None = None
) -> PageImages:
    """The job's pages as images for a render; `pages` selects some, such as `1-3,7`.

    The job's PDF standard does not apply. Raises as `typeset` does.
    """
    answer, results, warnings = _answer(
        job, output_format, pixels_per_inch, pages=pages, check_standard=False
    )
    return PageImages(tuple(results), tuple(answer["numbers"]), warnings)


def check_font(content: bytes) -> FontFace:
    """The font face of a TrueType or OpenType file of at most 4 MiB.

    Raises:
        FontError: the file is no such font, is too large, or cannot be used to set text.
    """
    if len(content) > FONT_LIMIT_BYTES:
        raise FontError(f"The font is larger than {FONT_LIMIT_BYTES // 1024 // 1024} MiB.")
    try:
        answer, _ = _sandbox().exchange({"format": "font"}, [content])
    except StartError:
        raise
    except SandboxError as error:
        raise FontError("The typesetter cannot set text with this font.") from error
    if "error" in answer:
        raise FontError(answer["message"])
    return FontFace(answer["family"], answer["weight"], answer["style"])


def check_file(content: bytes, purpose: FilePurpose) -> CheckedFile:
    """Check a PDF from outside; what is returned holds only what its pages show.

    Each file is an exchange of its own, so that one that ends the child is known.

    Raises:
        FileError: it is no usable PDF. The message says why, without the field's path.
    """
    request = {"format": "check", "purpose": purpose}
    try:
        answer, results = _sandbox().exchange(request, [content], CHECK_SECONDS)
    except StartError:
        raise
    except TimedOutError as error:
        message = f"it takes longer than {CHECK_SECONDS:.0f} seconds to read"
        raise FileError(message) from error
    except SandboxError as error:
        raise FileError(_UNREADABLE) from error
    if answer.get("error") == "file":
        raise FileError(answer["message"])
    if "error" in answer:
        raise FileError(_UNREADABLE)
    return CheckedFile(results[0], answer["page_count"], tuple(answer["faults"]))


def _answer(
    job: Job, output_format: OutputFormat, pixels_per_inch: float = 96.0, **options: Any
) -> Answer:
    header, blobs = request(job, output_format, pixels_per_inch, **options)
    try:
        answer, results = _sandbox().exchange(header, blobs)
    except TimedOutError as error:
        raise _timeout() from error
    except DiedError as error:
        raise _error_of(error.status) from error
    if "error" in answer:
        kind = _ERRORS.get(answer["error"])
        if kind is None:
            raise SandboxError(answer["message"])
        raise kind(answer["message"], answer.get("line"), answer.get("column"))
    for index, fault in answer["refused_images"].items():
        logger.info("image refused", extra={"image": int(index), "fault": fault})
    has_replacements = REPLACEMENT.encode() in blobs[0]
    of_data = warnings_of(job, answer["missing"], replaced=has_replacements)
    return answer, results, (*answer["warnings"], *of_data)


def _error_of(status: int) -> TypesettingError:
    """The error of a job that ended the child. The job is the cause: see `DiedError`."""
    if status in _OUT_OF_MEMORY:
        return RenderTooLargeError("The render needs more memory than it may use.")
    if status == -SIGXCPU:
        return _timeout()
    logger.warning("a job ended the typesetting child", extra={"status": status})
    return SourceError("The template, its images or its fonts made the typesetter stop.")


def _timeout() -> RenderTimeoutError:
    return RenderTimeoutError(f"The render took longer than {WORK_SECONDS:.0f} seconds of work.")
