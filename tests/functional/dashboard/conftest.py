"""Fixtures of the dashboard's tests: signed-in users and a fake of the compile function."""

import pytest

from craftkit.projects import members
from craftkit.projects import service as projects
from craftkit.projects.models import Project
from testkit.cloud import Cloud
from testkit.compiler import Compiler
from testkit.project import DemoProject, make_project
from testkit.visitor import Visitor
from tests.functional.dashboard.users import ADA, BOB


@pytest.fixture
def project(cloud: Cloud) -> Project:
    return projects.create_project("Invoicing", by=ADA.sub, owner=ADA)


@pytest.fixture
def demo(cloud: Cloud) -> DemoProject:
    """A project with a template and a key, which Ada owns."""
    made = make_project()
    members.add_member(made.id, ADA, "owner", by="tester")
    return made


@pytest.fixture
def ada(cloud: Cloud, project: Project) -> Visitor:
    """The project's owner, signed in."""
    return Visitor(cloud).signs_in(ADA)


@pytest.fixture
def bob(cloud: Cloud) -> Visitor:
    """A signed-in user without any membership."""
    return Visitor(cloud).signs_in(BOB)


@pytest.fixture(autouse=True)
def compiler(monkeypatch: pytest.MonkeyPatch) -> Compiler:
    return Compiler.installed(monkeypatch)
