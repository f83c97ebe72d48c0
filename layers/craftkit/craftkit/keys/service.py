"""What people do with keys."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from craftkit import cursors
from craftkit.auth import api_key
from craftkit.auth.lookup import KeyRecord
from craftkit.auth.verify import Verdict, Verification, verify_key
from craftkit.clock import from_rfc3339, utc_now
from craftkit.config import config
from craftkit.dynamodb import ConditionFailedError
from craftkit.errors import ConflictError, InvalidRequestError, Issues, NotFoundError
from craftkit.ids import new_id
from craftkit.keys import activity, lifecycle, repository
from craftkit.keys.lifecycle import Step
from craftkit.keys.models import Diagnosis, Key, MintedKey, NewKey, Secret
from craftkit.limits import repository as limits

PAGE_LIMIT = 100
DEFAULT_GRACE = timedelta(hours=24)


def create_key(
    project_id: str,
    request: NewKey,
    *,
    by: str,
    key_id: str | None = None,
) -> MintedKey:
    """Make a key and return it with its cleartext, which is kept nowhere.

    Args:
        key_id: an id that the caller chose, so that a form that is sent twice makes one key.

    Raises:
        InvalidRequestError: it would be expired from the start.
        ConflictError: there is a key of this id.
    """
    now = utc_now()
    if request.expires_at is not None and request.expires_at <= now:
        issues = Issues(field_errors={"expiresAt": ["The expiry lies in the past."]})
        raise InvalidRequestError(issues=issues)
    cleartext = api_key.mint(request.mode, config.stage)
    key = Key(
        id=key_id or new_id(),
        project_id=project_id,
        **request.model_dump(),
        secrets=(_secret_of(cleartext, now),),
        created_at=now,
        created_by=by,
        reminded_days=lifecycle.passed_reminder(request.expires_at, now),
    )
    subject = f"project#{project_id}"
    while True:
        # A project that is given limits at this moment must not miss its youngest key.
        is_limited = limits.get(subject, now) is not None
        key = key.model_copy(update={"limited": ("project",) if is_limited else ()})
        try:
            unchanged = limits.check(subject, is_limited=is_limited)
            repository.create(key, extra_writes=[unchanged])
        except ConditionFailedError as error:
            if repository.get(key.id) is not None:
                raise ConflictError("A key of this id was made already.") from error
            continue
        return MintedKey(key=key, cleartext=cleartext)


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
    """The names of some of the project's keys, by their ids, however many keys it has."""
    found = repository.get_many(key_ids)
    return {key.id: key.name for key in found if key.project_id == project_id}


def find_by_name(project_id: str, name: str) -> Key | None:
    """The newest key of the project that has this name, in any case of letters."""
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
    """A page of a project's keys, newest first, and the cursor of the next."""
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

    The present secret goes on until `grace` after the new one's first use.

    Args:
        replace: end the secret that the rotation under way brought, which was lost, and bring
            another.

    Raises:
        NotFoundError: there is none of this id.
        InvalidRequestError: the grace is not between 0 and 30 days.
        KeyNotActiveError, RotationUnderWayError: it cannot be rotated now.
    """
    if not timedelta(0) <= grace <= lifecycle.LONGEST_GRACE:
        issues = Issues(field_errors={"grace": ["A grace is between 0 and 30 days."]})
        raise InvalidRequestError(issues=issues)
    cleartext = ""

    def step(key: Key) -> Step:
        nonlocal cleartext
        known = {secret.prefix for secret in key.secrets}
        cleartext = api_key.mint(key.mode, config.stage)
        while api_key.prefix_of(cleartext) in known:  # what is shown of two must differ
            cleartext = api_key.mint(key.mode, config.stage)
        now = utc_now()
        secret = _secret_of(cleartext, now).model_copy(update={"grace": grace})
        return lifecycle.rotate(key, secret, now, replace=replace)

    return MintedKey(key=change_key(key_id, step, by=by), cleartext=cleartext)


def end_rotation(key_id: str, *, by: str) -> Key:
    """End the previous secret at once, rather than when its grace is over.

    Raises:
        NotFoundError, KeyNotActiveError, NoRotationError: there is none to end.
    """
    return change_key(key_id, lambda key: lifecycle.end_rotation(key, utc_now()), by=by)


def start_rotation_grace(key_id: str, prefix: str) -> Key:
    """A secret was used for the first time: let its predecessor's time run out.

    Does nothing for a key that is not being rotated, and nothing the second time.

    Raises:
        NotFoundError: there is none of this id.
    """

    def step(key: Key) -> Step | None:
        now = utc_now()
        if key.previous(now) is None or key.current.prefix != prefix:
            return None
        used_at = activity.of_secret(key_id, key.current, now=now, days=1).first_used_at
        return lifecycle.start_grace(key, prefix, used_at, now) if used_at else None

    return change_key(key_id, step, by="craftkit")


def revoke_key(key_id: str, *, by: str, reason: str | None = None) -> Key:
    """Revoke a key: the very next request with it is refused. Doing it twice changes nothing.

    Raises:
        NotFoundError: there is none of this id.
    """
    return change_key(key_id, lambda key: lifecycle.revoke(key, reason, utc_now()), by=by)


def undo_revocation(key_id: str, *, by: str) -> Key:
    """Take a mistaken revocation back, within the hour. Doing it twice changes nothing.

    Raises:
        NotFoundError: there is none of this id.
        UndoRefusedError: it is too late, or the key was exposed.
    """
    return change_key(key_id, lambda key: lifecycle.restore(key, utc_now()), by=by)


def change_key(key_id: str, step: Callable[[Key], Step | None], *, by: str) -> Key:
    """Take a step on a key as it is, again and again until nobody was quicker.

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
            continue  # somebody was quicker: look again at what there is now


def diagnose(cleartext: str) -> Diagnosis:
    """Say of a pasted key what the authorizer would, and why. The key itself goes nowhere."""
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
                f"This key has the right form for {config.stage} and is not on record there.",
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
    """Whether the key goes on without this secret."""
    key = repository.get(record.principal.key_id)
    return key is not None and record.prefix != key.prefix


def _secret_of(cleartext: str, now: datetime) -> Secret:
    return Secret(
        hash=api_key.hash_of(cleartext), prefix=api_key.prefix_of(cleartext), created_at=now
    )
