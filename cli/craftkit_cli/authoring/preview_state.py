"""The state of `craftkit templates dev`: the pages of a data set, or the fault of a file."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Lock
from typing import Any

from craftkit.errors import CraftkitError
from craftkit.typesetter import TypesettingError
from craftkit_cli.authoring.drawn import Draw
from craftkit_cli.authoring.folder import FIRST_DATA_SET, SOURCE, read_template

Json = dict[str, Any]
_CONTEXT_LINES = 3


@dataclass(frozen=True)
class Shown:
    """What the page shows of one data set.

    `fault` has message, file, line, column and the lines around; None where there are pages.
    """

    data_set: str
    data_sets: list[str]
    pages: tuple[bytes, ...] = ()
    page_count: int = 0
    warnings: list[str] = field(default_factory=list)
    accessibility: list[str] = field(default_factory=list)
    fault: Json | None = None
    milliseconds: int = 0


class PreviewState:
    """The newest pages of a folder. Threads may use it at the same time."""

    def __init__(self, folder: Path, draw: Draw) -> None:
        self._folder, self._draw = folder, draw
        self._revision = 0
        self._shown: dict[str, Shown] = {}
        self._rendering = Lock()
        self._changed = Condition()

    @property
    def revision(self) -> int:
        """Counts the changes of the folder."""
        return self._revision

    def files_changed(self) -> None:
        """A file was saved: every document is made again when it is next needed."""
        with self._rendering:
            self._shown.clear()
        with self._changed:
            self._revision += 1
            self._changed.notify_all()

    def wait(self, revision: int, seconds: float) -> int:
        """The revision, once it is another one or the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._revision != revision, seconds)
            return self._revision

    def show(self, data_set: str = FIRST_DATA_SET) -> Shown:
        """The pages of a data set; the first one's where there is none of this name."""
        with self._rendering:
            if data_set not in self._shown:
                self._shown[data_set] = self._render(data_set)
            return self._shown[data_set]

    def _render(self, data_set: str) -> Shown:
        started = time.monotonic()
        try:
            template = read_template(self._folder)
        except CraftkitError as error:
            return Shown(data_set, [], fault=_fault_of_files(error))
        names = list(template.data_sets)
        name = data_set if data_set in names else names[0]
        try:
            drawn = self._draw(template, template.data_sets[name])
            made = Shown(data_set=name, data_sets=names, **vars(drawn))
        except TypesettingError as error:
            made = Shown(name, names, fault=_fault_of_source(error, template.source))
        except CraftkitError as error:
            made = Shown(name, names, fault=_fault_of_files(error))
        took = int((time.monotonic() - started) * 1000)
        return Shown(**{**made.__dict__, "milliseconds": took})


def _fault_of_source(error: TypesettingError, source: str) -> Json:
    fault: Json = {"message": str(error), "file": SOURCE, "line": error.line}
    if error.line:
        lines = source.split("\n")
        first = max(0, error.line - 1 - _CONTEXT_LINES)
        fault |= {
            "column": error.column or 1,
            "firstLine": first + 1,
            "lines": lines[first : error.line + _CONTEXT_LINES],
        }
    return fault


def _fault_of_files(error: CraftkitError) -> Json:
    issues = error.issues
    paths = issues.field_errors.items() if issues else ()
    return {
        "message": str(error),
        "file": None,
        "line": None,
        "issues": [f"{path}: {message}" for path, messages in paths for message in messages],
    }
