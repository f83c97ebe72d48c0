"""Sets the limits of a key or of a project, and marks the secrets that they apply to.

The item of each secret records whether its key or project has limits. The authorizer reads it
anyway, so a key without limits costs no further call. The values are only in the limits table.
"""

from collections.abc import Iterator
from datetime import timedelta

from craftkit import dynamodb
from craftkit.audit import repository as audit
from craftkit.clock import utc_now
from craftkit.errors import NotFoundError
from craftkit.keys import lifecycle, service
from craftkit.limits import repository as limits
from craftkit.limits.models import Limits, LimitsChange, LimitsState
from craftkit.limits.service import limits_of

_INDEX_LAG = timedelta(minutes=15)
"""Much longer than the delay of the index by project."""


def limit_key(key_id: str, change: LimitsChange, *, by: str) -> LimitsState | None:
    """Set a key's limits, from its next request on.

    Returns:
        The limits, or None if the key has none left.

    Raises:
        NotFoundError: there is no such key.
    """
    key = service.get_key(key_id)
    return _set("key", key_id, key.project_id, change, [key_id], by=by)


def limit_project(project_id: str, change: LimitsChange, *, by: str) -> LimitsState | None:
    """Set a project's limits. Once this returns, every key of the project is charged.

    Returns:
        The limits, or None if the project has none left.
    """
    keys = key_ids_of(project_id)
    return _set("project", project_id, project_id, change, keys, by=by)


def _set(
    kind: str,
    id_: str,
    project_id: str,
    change: LimitsChange,
    key_ids: Iterator[str] | list[str],
    *,
    by: str,
) -> LimitsState | None:
    now, subject = utc_now(), f"{kind}#{id_}"
    known = limits_of(kind, id_)
    wanted = change.applied_to(known.limits if known else Limits())
    if wanted.is_empty:
        limits.delete(subject)
    else:
        limits.put(subject, project_id, wanted, now)
    details = {
        name: str(value)
        for name in Limits.model_fields
        if (value := getattr(wanted, name)) is not None
    }
    dynamodb.transact(
        [
            audit.entry(
                project_id, actor=by, action="limits.set", target=id_, now=now, of=kind, **details
            )
        ]
    )
    # A new key of the project reads the limits itself, from here on.
    for key_id in key_ids:
        try:
            service.change_key(
                key_id,
                lambda key: lifecycle.limit(key, kind, is_limited=not wanted.is_empty),
                by=by,
            )
        except NotFoundError:
            continue
    return limits_of(kind, id_)


def key_ids_of(project_id: str) -> Iterator[str]:
    """The id of every key of a project: from the index, which is eventually consistent, and the
    newest ones from the audit, which is read with strong consistency.
    """
    seen: set[str] = set()
    cursor = None
    while True:
        keys, cursor = service.list_keys(project_id, cursor=cursor)
        seen |= {key.id for key in keys}
        yield from (key.id for key in keys)
        if cursor is None:
            break
    young = audit.targets(project_id, action="key.created", since=utc_now() - _INDEX_LAG)
    yield from (key_id for key_id in young if key_id not in seen)
