"""The use cases of keys: create, list, rotate, revoke and diagnose."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from craftkit import cursors
from craftkit.auth import api_key
from craftkit.auth.lookup import KeyRecord
from craftkit.auth.verify import Verdict, Verification, verify_key
from craftkit.clock import from_rfc3339, to_rfc3339, utc_now
from craftkit.config import config
from craftkit.dynamodb import ConditionFailedError
from craftkit.errors import ConflictError, InvalidRequestError, Issues, NotFoundError
from craftkit.ids import new_id
from craftkit.keys import activity, lifecycle, repository
from craftkit.keys.lifecycle import Step
from craftkit.keys.models import Diagnosis, Key, KeyName, MintedKey, NewKey, Secret
from craftkit.keys.policy import apply_policy
from craftkit.limits import repository as limits
from craftkit.project_items import check_key_policy, require_project
from craftkit.projects import service as projects
from craftkit.schema import validate_request

PAGE_LIMIT = 100
DEFAULT_GRACE = timedelta(hours=24)


def create_key(
    project_id: str,
    request: NewKey,
    *,
    by: str,
    key_id: str | None = None,
) -> MintedKey:
    """Create a key and return it with its cleartext, which is not stored.

    Args:
        key_id: an id chosen by the caller, so that a form that is sent twice creates one key.

    Raises:
        InvalidRequestError: `expires_at` is in the past, or later than the project's key policy
            allows.
        NotFoundError: there is no such project.
        ConflictError: a key with this id exists, or the project is being deleted.
    """
    now = utc_now()
    if request.expires_at is not None and request.expires_at <= now:
        issues = Issues(field_errors={"expiresAt": ["Must be in the future"]})
        raise InvalidRequestError(issues=issues)
    cleartext = api_key.mint(request.mode, config.stage)
    key = Key(
        id=key_id or new_id(),
        project_id=project_id,
        **request.model_dump(),
        secrets=(secret_of(cleartext, now),),
        created_at=now,
        created_by=by,
        reminded_days=lifecycle.passed_reminder(request.expires_at, now),
    )
    subject = f"project#{project_id}"
    while True:
        # Limits and a policy that are set at the same time must also apply to this key.
        is_limited = limits.get(subject, now) is not None
        key = key.model_copy(update={"limited": ("project",) if is_limited else ()})
        project = projects.get_project(project_id)
        policy, set_at = project.key_policy, project.key_policy_set_at
        if policy.longest_life_days:
            _require_life(request.expires_at, policy.longest_life_days, now)
        applied = apply_policy(key, policy, now)
        try:
            unchanged = limits.check(subject, is_limited=is_limited)
            same_policy = check_key_policy(project_id, to_rfc3339(set_at) if set_at else None)
            repository.create(
                applied.key if applied else key, extra_writes=[unchanged, same_policy]
            )
        except ConditionFailedError as error:
            if repository.get(key.id) is not None:
                raise ConflictError(
                    "This key was already created. Open the list of keys to see it."
                ) from error
            require_project(project_id)
            continue
        return MintedKey(key=applied.key if applied else key, cleartext=cleartext)


def _require_life(expires_at: datetime | None, days: int, now: datetime) -> None:
    if expires_at is not None and expires_at > now + timedelta(days=days):
        message = (
            f"Must be at most {days} days from now: the project's key policy allows no longer life"
        )
        raise InvalidRequestError(issues=Issues(field_errors={"expiresAt": [message]}))


def get_key(key_id: str) -> Key:
    """The key, revoked or not.

    Raises:
        NotFoundError: there is none of this id.
    """
    key = repository.get(key_id)
    if key is None:
        raise NotFoundError("There is no key of this id.")
    return key


def names_of(project_id: str, key_ids: Iterable[str]) -> dict[str, str]:
    """The names of these keys by id; keys of other projects are left out."""
    found = repository.get_many(key_ids)
    return {key.id: key.name for key in found if key.project_id == project_id}


def find_by_name(project_id: str, name: str) -> Key | None:
    """The newest key of the project with this name, case-insensitively."""
    wanted, cursor = name.strip().casefold(), None
    while True:
        keys, cursor = list_keys(project_id, limit=100, cursor=cursor)
        for key in keys:
            if key.name.casefold() == wanted:
                return key
        if cursor is None:
            return None


def list_keys(
    project_id: str, *, limit: int = PAGE_LIMIT, cursor: str | None = None
) -> tuple[list[Key], str | None]:
    """A page of a project's keys, newest first, and the cursor of the next page."""
    scope = f"keys/{project_id}"
    after: dict[str, Any] | None = cursors.unseal(cursor, scope) if cursor else None
    keys, last = repository.page(project_id, limit, after)
    return keys, cursors.seal(last, scope) if last else None


def rotate_key(
    key_id: str,
    *,
    by: str,
    grace: timedelta = DEFAULT_GRACE,
    replace: bool = False,
) -> MintedKey:
    """Give a key a new secret, and return its cleartext. The key id stays.

    The current secret works until `grace` after the new one's first use.

    Args:
        replace: during a rotation, end its new secret, which was lost, and create another one.

    Raises:
        NotFoundError: there is no such key.
        InvalidRequestError: the grace is not between 0 and 30 days, or longer than the longest life
            of the project's key policy.
        KeyNotActiveError, RotationUnderWayError: the key cannot be rotated now.
    """
    if not timedelta(0) <= grace <= lifecycle.LONGEST_GRACE:
        issues = Issues(field_errors={"grace": ["A grace is between 0 and 30 days."]})
        raise InvalidRequestError(issues=issues)
    cleartext = ""

    def step(key: Key) -> Step:
        nonlocal cleartext
        known = {secret.prefix for secret in key.secrets}
        cleartext = api_key.mint(key.mode, config.stage)
        while api_key.prefix_of(cleartext) in known:  # prefixes identify the secrets of a key
            cleartext = api_key.mint(key.mode, config.stage)
        if key.longest_life_days and grace > timedelta(days=key.longest_life_days):
            message = (
                f"A grace is at most {key.longest_life_days} days: the project's key policy allows "
                "no longer life of a secret."
            )
            raise InvalidRequestError(issues=Issues(field_errors={"grace": [message]}))
        now = utc_now()
        secret = secret_of(cleartext, now).model_copy(update={"grace": grace})
        return lifecycle.rotate(key, secret, now, replace=replace)

    return MintedKey(key=change_key(key_id, step, by=by), cleartext=cleartext)


def end_rotation(key_id: str, *, by: str) -> Key:
    """End the previous secret at once, instead of when its grace ends.

    Raises:
        NotFoundError, KeyNotActiveError, NoRotationError: there is no previous secret to end.
    """
    return change_key(key_id, lambda key: lifecycle.end_rotation(key, utc_now()), by=by)


def start_rotation_grace(key_id: str, prefix: str) -> Key:
    """Start the grace of the previous secret after the first use of the new one (`prefix`).

    Does nothing for a key that is not being rotated, or if the grace has started before.

    Raises:
        NotFoundError: there is none of this id.
    """

    def step(key: Key) -> Step | None:
        now = utc_now()
        if key.previous(now) is None or key.current.prefix != prefix:
            return None
        used_at = activity.read_secret_activity(key_id, key.current, now=now, days=1).first_used_at
        return lifecycle.start_grace(key, prefix, used_at, now) if used_at else None

    return change_key(key_id, step, by="craftkit")


def revoke_key(
    key_id: str, *, by: str, reason: str | None = None, is_suspension: bool = False
) -> Key:
    """Revoke a key. The next request with it is refused. Idempotent.

    Args:
        is_suspension: whether the revocation can be undone at any time, not only for an hour.

    Raises:
        NotFoundError: there is none of this id.
    """

    def step(key: Key) -> Step | None:
        return lifecycle.revoke(key, reason, utc_now(), is_suspension=is_suspension)

    return change_key(key_id, step, by=by)


def rename_key(key_id: str, name: str, *, by: str) -> Key:
    """Give a key another name.

    Raises:
        NotFoundError: there is none of this id.
        InvalidRequestError: the name is empty or longer than 120 characters.
    """
    wanted = validate_request(KeyName, {"name": name}).name
    return change_key(key_id, lambda key: lifecycle.rename(key, wanted), by=by)


def undo_revocation(key_id: str, *, by: str) -> Key:
    """Undo a revocation within 60 minutes, a suspension at any time. Idempotent.

    Raises:
        NotFoundError: there is none of this id.
        UndoRefusedError: more than 60 minutes have passed, or the key was exposed.
    """
    return change_key(key_id, lambda key: lifecycle.restore(key, utc_now()), by=by)


def change_key(key_id: str, step: Callable[[Key], Step | None], *, by: str) -> Key:
    """Apply a step to a key, and repeat it while the key changes between read and write.

    Raises:
        NotFoundError: there is none of this id.
    """
    while True:
        key = get_key(key_id)
        taken = step(key)
        if taken is None:
            return key
        try:
            return repository.change(key, taken, by=by, now=utc_now())
        except ConditionFailedError:
            continue  # the key changed since it was read: apply the step to the new state


def diagnose(cleartext: str) -> Diagnosis:
    """Explain the authorizer's response to a key. The key is neither stored nor logged."""
    verification = verify_key(
        cleartext.strip(), stage=config.stage, lookup=repository.find_record, now=utc_now()
    )
    message, fix = _advice(verification)
    record = verification.record
    known: dict[str, Any] = {}
    if record:
        known = {
            "key_id": record.principal.key_id,
            "project_id": record.principal.project_id,
            "revoked_at": from_rfc3339(record.revoked_at) if record.revoked_at else None,
            "expires_at": from_rfc3339(record.expires_at) if record.expires_at else None,
        }
    verdict = verification.verdict
    return Diagnosis(
        outcome="fine" if verdict is Verdict.ALLOWED else verdict.value,
        message=message,
        fix=fix,
        minted_in=verification.stage,
        **known,
    )


def _advice(verification: Verification) -> tuple[str, str | None]:
    record = verification.record
    match verification.verdict:
        case Verdict.WRONG_ENVIRONMENT:
            return (
                f"This key was created in {verification.stage}; this is {config.stage}.",
                f"Create a key in the dashboard of {config.stage}.",
            )
        case Verdict.UNKNOWN:
            return (
                f"This key has the right form for {config.stage} and does not exist there.",
                "Check that it was copied whole from this environment, or create a new one.",
            )
        case Verdict.REVOKED:
            at = record.revoked_at if record else None
            return f"This key was revoked at {at}.", "Create a new key and deploy it."
        case Verdict.EXPIRED if record and _was_rotated_out(record):
            return (
                f"This key was rotated: this secret of it ended at {record.expires_at}.",
                "Deploy the new secret, which the rotation showed, or rotate the key again.",
            )
        case Verdict.EXPIRED:
            at = record.expires_at if record else None
            return f"This key expired at {at}.", "Create a new key and deploy it."
        case Verdict.ALLOWED if record and record.bound_to:
            return (
                "This key is good, and is bound to a public key: each request needs a DPoP proof.",
                None,
            )
        case Verdict.ALLOWED:
            return "This key is good.", None
        case _:
            return (
                "This is not an API key, or a part of it is missing or changed.",
                "Copy the whole key: ck_live_ or ck_test_ and 38 letters and digits.",
            )


def _was_rotated_out(record: KeyRecord) -> bool:
    """Whether the key has a newer secret than this one."""
    key = repository.get(record.principal.key_id)
    return key is not None and record.prefix != key.prefix


def secret_of(cleartext: str, now: datetime) -> Secret:
    """A new secret as it is stored: by its SHA-256 and the prefix that is shown."""
    return Secret(
        hash=api_key.hash_of(cleartext), prefix=api_key.prefix_of(cleartext), created_at=now
    )
