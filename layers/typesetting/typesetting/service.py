"""The use cases: a job in, a document or the reason why there is none out."""

from functools import cache
from signal import SIGABRT, SIGKILL, SIGSEGV
from typing import Any

from craftkit.typesetter import (
    Document,
    Job,
    RenderTimeoutError,
    RenderTooLargeError,
    SourceError,
    StandardError,
    TypesettingError,
)
from typesetting.request import request
from typesetting.sandbox import DiedError, Sandbox, TimedOutError

_OUT_OF_MEMORY = {-SIGABRT, -SIGKILL, -SIGSEGV}


@cache
def _sandbox() -> Sandbox:
    return Sandbox()


def warm() -> None:
    """Start the child process, for the time before the first job. Safe to call again."""
    _sandbox().warm()


def typeset(job: Job) -> Document:
    """Typeset a job in the child process.

    Raises:
        TypesettingError: there is no document; the subclass and `code` say why.
    """
    answer, results = _answer(job, "pdf", None)
    return Document(results[0], answer["page_count"], tuple(answer["warnings"]))


def preview(job: Job, pixels_per_inch: float = 96.0) -> tuple[bytes, ...]:
    """The job's pages as PNG pictures, for an editor that shows them while somebody types."""
    return tuple(_answer(job, "png", pixels_per_inch)[1])


def _answer(job: Job, form: str, ppi: float | None) -> tuple[dict[str, Any], list[bytes]]:
    header, blobs = request(job, form, ppi)
    try:
        answer, results = _sandbox().exchange(header, blobs)
    except TimedOutError as error:
        raise RenderTimeoutError("The render took longer than 20 seconds of work.") from error
    except DiedError as error:
        if error.status in _OUT_OF_MEMORY:
            raise RenderTooLargeError("The render took more memory than it may.") from error
        raise TypesettingError("The typesetter ended unexpectedly.") from error
    if "error" in answer:
        raise _error(answer)
    return answer, results


def _error(answer: dict[str, Any]) -> TypesettingError:
    kinds: dict[str, type[TypesettingError]] = {
        "source": SourceError,
        "standard": StandardError,
        "too_large": RenderTooLargeError,
    }
    kind = kinds[answer["error"]]
    return kind(answer["message"], answer.get("line"), answer.get("column"))
