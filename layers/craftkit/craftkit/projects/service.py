"""What people do with projects."""

import re
import secrets
import unicodedata

from craftkit.clock import Clock, utc_now
from craftkit.dynamodb import ConditionFailedError
from craftkit.errors import NotFoundError
from craftkit.ids import new_id
from craftkit.projects import repository
from craftkit.projects.models import EmbedStatus, Project

_SLUG_LENGTH = 60


def create_project(name: str, *, by: str, clock: Clock = utc_now) -> Project:
    """Make a project. Its slug is drawn from the name, with a suffix where that is taken."""
    slug = slug_of(name)
    while True:
        project = Project(id=new_id(), slug=slug, name=name, created_at=clock(), created_by=by)
        try:
            repository.create(project)
        except ConditionFailedError:
            slug = f"{slug_of(name)}-{secrets.token_hex(3)}"
        else:
            return project


def get_project(project_id: str) -> Project:
    """The project.

    Raises:
        NotFoundError: there is none of this id.
    """
    project = repository.get(project_id)
    if project is None:
        raise NotFoundError("There is no project of this id.")
    return project


def embed_status(project_id: str) -> EmbedStatus:
    return repository.embed_status(project_id)


def slug_of(name: str) -> str:
    """`Müller & Söhne` → `muller-sohne`; `project` where nothing of the name is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_SLUG_LENGTH].strip("-") or "project"
