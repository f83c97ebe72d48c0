"""People at the dashboard, and what the compile function would draw."""

import pytest

from craftkit.projects import service as projects
from craftkit.projects.models import Project
from tests.functional.dashboard.people import ADA, BOB
from tests.support.cloud import Cloud
from tests.support.compiler import Compiler
from tests.support.visitor import Visitor


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


@pytest.fixture(autouse=True)
def compiler(monkeypatch: pytest.MonkeyPatch) -> Compiler:
    return Compiler.installed(monkeypatch)
