"""What people do with keys."""

from typing import Any

from craftkit import cursors
from craftkit.auth import token
from craftkit.auth.verdict import Verdict
from craftkit.auth.verify import Verification, verify_key
from craftkit.clock import Clock, from_rfc3339, utc_now
from craftkit.config import config
from craftkit.dynamodb import ConditionFailedError
from craftkit.errors import InvalidRequestError, Issues, NotFoundError
from craftkit.ids import new_id
from craftkit.keys import repository
from craftkit.keys.models import Diagnosis, Key, MintedKey, NewKey, Secret

PAGE_LIMIT = 100


def create_key(project_id: str, wish: NewKey, *, by: str, clock: Clock = utc_now) -> MintedKey:
    """Make a key and return it with its cleartext, which is kept nowhere.

    Raises:
        InvalidRequestError: it would be expired from the start.
    """
    now = clock()
    if wish.expires_at is not None and wish.expires_at <= now:
        issues = Issues(field_errors={"expiresAt": ["The expiry lies in the past."]})
        raise InvalidRequestError(issues=issues)
    cleartext = token.mint(wish.mode, config.stage)
    secret = Secret(
        hash=token.hash_of(cleartext), prefix=token.prefix_of(cleartext), created_at=now
    )
    key = Key(
        id=new_id(),
        project_id=project_id,
        **wish.model_dump(),
        secrets=(secret,),
        created_at=now,
        created_by=by,
    )
    repository.create(key)
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


def list_keys(
    project_id: str, *, limit: int = PAGE_LIMIT, cursor: str | None = None
) -> tuple[list[Key], str | None]:
    """A page of a project's keys, newest first, and the cursor of the next."""
    scope = f"keys/{project_id}"
    after: dict[str, Any] | None = cursors.unseal(cursor, scope) if cursor else None
    keys, last = repository.page(project_id, limit, after)
    return keys, cursors.seal(last, scope) if last else None


def revoke_key(key_id: str, *, by: str, reason: str | None = None, clock: Clock = utc_now) -> Key:
    """Revoke a key: the very next request with it is refused. Doing it twice changes nothing.

    Raises:
        NotFoundError: there is none of this id.
    """
    while True:
        key = get_key(key_id)
        if key.revoked_at is not None:
            return key
        try:
            repository.revoke(key, by=by, reason=reason, now=clock())
        except ConditionFailedError:
            continue  # somebody was quicker: look again at what there is now
        return get_key(key_id)


def diagnose(cleartext: str, *, clock: Clock = utc_now) -> Diagnosis:
    """Say of a pasted key what the authorizer would, and why. The key itself goes nowhere."""
    verification = verify_key(
        cleartext.strip(), stage=config.stage, lookup=repository.find_record, now=clock()
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
        case Verdict.EXPIRED:
            at = record.expires_at if record else None
            return f"This key expired at {at}.", "Create a new key and deploy it."
        case Verdict.ALLOWED:
            return "This key is good.", None
        case _:
            return (
                "This is not an API key, or a part of it is missing or changed.",
                "Copy the whole key: ck_live_ or ck_test_ and 38 letters and digits.",
            )
