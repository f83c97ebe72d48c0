"""People at the dashboard, and what the compile function would draw."""

from typing import Any

import pytest

from craftkit.projects import service as projects
from craftkit.projects.models import Project
from craftkit.typesetter import Document, Job, Preview, TypesettingError
from tests.functional.dashboard.people import ADA, BOB
from tests.support.cloud import Cloud
from tests.support.typesetter import PDF
from tests.support.visitor import Visitor

PNG = b"\x89PNG\r\n\x1a\n" + b"a picture of a page"


@pytest.fixture
def project(cloud: Cloud) -> Project:
    return projects.create_project("Invoicing", by=ADA.sub, owner=ADA)


@pytest.fixture
def ada(cloud: Cloud, project: Project) -> Visitor:
    """The project's owner, signed in."""
    return Visitor(cloud).signs_in(ADA)


@pytest.fixture
def bob(cloud: Cloud) -> Visitor:
    """Somebody who is signed in and, so far, a member of nothing."""
    return Visitor(cloud).signs_in(BOB)


class Compiler:
    """Stands in for the compile function; notes the jobs, and fails when told to."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.failure: TypesettingError | None = None
        self.pages = 1

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


@pytest.fixture(autouse=True)
def compiler(monkeypatch: pytest.MonkeyPatch) -> Compiler:
    from dashboard.pages import editor, renders, templates

    made: Any = Compiler()
    for module in (editor, renders, templates):
        monkeypatch.setattr(module, "preview_remotely", made.draw)
        if hasattr(module, "typeset_remotely"):
            monkeypatch.setattr(module, "typeset_remotely", made.typeset)
    return made
