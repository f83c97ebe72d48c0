"""Sets the key policy of a project, and applies it to the keys that the project has."""

from craftkit.clock import utc_now
from craftkit.errors import NotFoundError
from craftkit.keys import service
from craftkit.keys.limiting import key_ids_of
from craftkit.keys.policy import apply_policy
from craftkit.projects import service as projects
from craftkit.projects.models import KeyPolicy, Project


def set_key_policy(project_id: str, policy: KeyPolicy, *, by: str) -> Project:
    """Set the policy of the project. Once this returns, every key of the project follows it.

    A call that was interrupted is completed by calling again.

    Raises:
        NotFoundError: there is no such project.
    """
    project = projects.set_key_policy(project_id, policy, by=by)
    # A new key of the project reads the policy itself, from here on.
    for key_id in key_ids_of(project_id):
        try:
            service.change_key(key_id, lambda key: apply_policy(key, policy, utc_now()), by=by)
        except NotFoundError:
            continue
    return project
