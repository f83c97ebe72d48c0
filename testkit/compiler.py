"""A fake of the compile function for tests of the dashboard."""

import base64
from typing import Any

import pytest

from craftkit.typesetter import Document, Job, Preview, TypesettingError
from testkit.typesetter import PDF

# One white pixel, a valid image.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAWk1v8QAAAABJRU5ErkJggg=="
)


class Compiler:
    """Records the jobs, and fails if a failure is set."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.failure: TypesettingError | None = None
        self.pages = 1

    @classmethod
    def installed(cls, monkeypatch: pytest.MonkeyPatch) -> "Compiler":
        from dashboard.pages import editor, projects, renders, templates, versions

        made = cls()
        module: Any
        for module in (editor, renders, templates, versions):
            monkeypatch.setattr(module, "preview_remotely", made.draw)
            if hasattr(module, "typeset_remotely"):
                monkeypatch.setattr(module, "typeset_remotely", made.typeset)
        monkeypatch.setattr(projects, "typeset_remotely", made.typeset)
        return made

    def draw(self, job: Job, _pixels_per_inch: float = 96.0) -> Preview:
        self._note(job)
        return Preview.of((PNG,) * self.pages)

    def typeset(self, job: Job) -> Document:
        self._note(job)
        return Document(PDF, self.pages)

    def _note(self, job: Job) -> None:
        self.jobs.append(job)
        if self.failure:
            raise self.failure
