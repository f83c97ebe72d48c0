"""The use cases of projects."""

import re
import secrets
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from craftkit.clock import utc_now
from craftkit.dynamodb import ConditionFailedError
from craftkit.errors import NotFoundError
from craftkit.ids import new_id
from craftkit.project_items import PROJECTS_CREATED
from craftkit.projects import daily, repository
from craftkit.projects.models import (
    AnomalyPolicy,
    EmbedStatus,
    ExposurePolicy,
    KeyPolicy,
    Member,
    Project,
    User,
)

PROJECTS_PER_DAY = 20
"""Created by one user for themselves."""

_SLUG_LENGTH = 60
_NO_PROJECT = "There is no project of this id."


def create_project(name: str, *, by: str, owner: User | None = None) -> Project:
    """Create a project. Its slug is derived from the name, with a random suffix if it is taken.

    Args:
        owner: the first member. A project of an operator has no member until one is added.

    Raises:
        RateLimitedError: the user creates more than `PROJECTS_PER_DAY` for themselves. Capacity is
            limited by project, so that many projects would be many shares of it.
    """
    slug, now = slug_of(name), utc_now()
    if owner is not None and owner.sub == by:
        refusal = f"You have created {PROJECTS_PER_DAY} projects today. Create more tomorrow (UTC)."
        daily.charge(PROJECTS_CREATED, by, PROJECTS_PER_DAY, refusal=refusal)
    while True:
        project = Project(id=new_id(), slug=slug, name=name, created_at=now, created_by=by)
        try:
            repository.create(project, _first_member(project, owner) if owner else None)
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
        raise NotFoundError(_NO_PROJECT)
    return project


def rename_project(project_id: str, name: str, *, by: str) -> Project:
    """Give a project another name; its id and slug stay.

    Raises:
        NotFoundError: there is none of this id.
    """
    named = get_project(project_id).model_copy(update={"name": name})
    checked = Project.model_validate(named.model_dump())
    with _existing():
        repository.rename(project_id, checked.name, by=by, now=utc_now())
    return checked


@contextmanager
def _existing() -> Iterator[None]:
    """A write of a project. Raises NotFoundError if there is none of its id."""
    try:
        yield
    except ConditionFailedError as error:
        raise NotFoundError(_NO_PROJECT) from error


def set_exposure_policy(project_id: str, policy: ExposurePolicy, *, by: str) -> Project:
    """Set what happens to keys of the project that are found in public.

    Raises:
        NotFoundError: there is none of this id.
    """
    with _existing():
        repository.set_exposure_policy(project_id, policy, by=by, now=utc_now())
    return get_project(project_id)


def set_anomaly_policy(project_id: str, policy: AnomalyPolicy, *, by: str) -> Project:
    """Set what happens to keys of the project whose use does not fit their past.

    Raises:
        NotFoundError: there is none of this id.
    """
    with _existing():
        repository.set_anomaly_policy(project_id, policy, by=by, now=utc_now())
    return get_project(project_id)


def set_key_policy(project_id: str, policy: KeyPolicy, *, by: str) -> Project:
    """Record the key policy. `keys.policies.set_key_policy` also applies it to the keys.

    Raises:
        NotFoundError: there is none of this id.
    """
    with _existing():
        repository.set_key_policy(project_id, policy, by=by, now=utc_now())
    return get_project(project_id)


def embed_status(project_id: str) -> EmbedStatus:
    return repository.embed_status(project_id)


def _first_member(project: Project, owner: User) -> Member:
    return Member(
        project_id=project.id,
        sub=owner.sub,
        email=owner.email,
        role="owner",
        invited_by=owner.sub,
        invited_at=project.created_at,
        joined_at=project.created_at,
    )


def slug_of(name: str) -> str:
    """`Müller & Söhne` → `muller-sohne`; `project` where nothing of the name is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_SLUG_LENGTH].strip("-") or "project"
