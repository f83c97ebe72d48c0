"""Hooks in the projects table: one item under the project, one lookup item by token hash."""

from datetime import datetime

from craftkit import dynamodb
from craftkit.audit import repository as audit
from craftkit.clock import to_rfc3339
from craftkit.hooks.models import Hook
from craftkit.project_items import HOOK, HOOK_TOKEN, THERE, Write
from craftkit.schema import from_stored


def create(hook: Hook) -> None:
    item = {
        **HOOK.key(hook.project_id, hook.id),
        **hook.model_dump(exclude={"created_at", "rotated_at"}),
        "created_at": to_rfc3339(hook.created_at),
    }
    entry = _entry(hook, "hook.created", hook.created_by, hook.created_at, template=hook.slug)
    dynamodb.transact([HOOK.put(item), _put_lookup(hook, hook.token_hash), entry])


def find(token_hash: str) -> Hook | None:
    """The hook of a token, enabled or not."""
    lookup = HOOK_TOKEN.get(token_hash)
    if lookup is None:
        return None
    hook = get(str(lookup["project_id"]), str(lookup["hook_id"]))
    return hook if hook and hook.token_hash == token_hash else None


def get(project_id: str, hook_id: str) -> Hook | None:
    item = HOOK.get(project_id, hook_id)
    return _hook(item) if item else None


def list_hooks(project_id: str) -> list[Hook]:
    """Every hook of the project, oldest first."""
    return [_hook(item) for item in HOOK.list(project_id)]


def rotate(hook: Hook, *, token_hash: str, sealed_secret: bytes, by: str, now: datetime) -> None:
    """Replace the token and the secret. The old ones stop working.

    Raises:
        ConditionFailedError: the hook was rotated since it was read.
    """
    update = HOOK.update(
        HOOK.key(hook.project_id, hook.id),
        "SET token_hash = :new, sealed_secret = :secret, rotated_at = :now",
        "token_hash = :old",
        {
            ":new": token_hash,
            ":old": hook.token_hash,
            ":secret": sealed_secret,
            ":now": to_rfc3339(now),
        },
    )
    old = HOOK_TOKEN.delete(HOOK_TOKEN.key(hook.token_hash))
    entry = _entry(hook, "hook.rotated", by, now)
    dynamodb.transact([update, _put_lookup(hook, token_hash), old, entry])


def switch(hook: Hook, *, on: bool, by: str, now: datetime) -> None:
    key = HOOK.key(hook.project_id, hook.id)
    update = HOOK.update(key, "SET is_on = :on", THERE, {":on": on})
    action = "hook.switched_on" if on else "hook.switched_off"
    dynamodb.transact([update, _entry(hook, action, by, now)])


def _put_lookup(hook: Hook, token_hash: str) -> Write:
    lookup = {"project_id": hook.project_id, "hook_id": hook.id}
    return HOOK_TOKEN.put({**HOOK_TOKEN.key(token_hash), **lookup})


def _entry(hook: Hook, action: str, by: str, now: datetime, **details: str) -> Write:
    return audit.entry(hook.project_id, actor=by, action=action, target=hook.id, now=now, **details)


def _hook(item: dynamodb.Item) -> Hook:
    return from_stored(Hook, {**item, "sealed_secret": bytes(item["sealed_secret"])})
