"""Hooks in the projects table: `hook#<id>` under the project, found by `hook#<sha256 of token>`."""

from datetime import datetime

from craftkit import dynamodb, project_items
from craftkit.audit import repository as audit
from craftkit.clock import to_rfc3339
from craftkit.hooks.models import Hook
from craftkit.project_items import THERE, Write


def create(hook: Hook) -> None:
    item = {
        **_key(hook.project_id, hook.id),
        **hook.model_dump(exclude={"created_at", "rotated_at"}),
        "created_at": to_rfc3339(hook.created_at),
    }
    entry = _entry(hook, "hook.created", hook.created_by, hook.created_at, template=hook.slug)
    dynamodb.transact([project_items.put(item), _put_lookup(hook, hook.token_hash), entry])


def find(token_hash: str) -> Hook | None:
    """The hook of a token, switched on or not."""
    lookup = project_items.get(_lookup_key(token_hash))
    if lookup is None:
        return None
    hook = get(str(lookup["project_id"]), str(lookup["hook_id"]))
    return hook if hook and hook.token_hash == token_hash else None


def get(project_id: str, hook_id: str) -> Hook | None:
    item = project_items.get(_key(project_id, hook_id))
    return _hook(item) if item else None


def list_hooks(project_id: str) -> list[Hook]:
    """Every hook of the project, oldest first."""
    return [_hook(item) for item in project_items.of_project(project_id, "hook#")]


def rotate(hook: Hook, *, token_hash: str, sealed_secret: bytes, by: str, now: datetime) -> None:
    """Put a new token and secret in place of the old ones, which work no more.

    Raises:
        ConditionFailedError: somebody else rotated it meanwhile.
    """
    update = project_items.update(
        _key(hook.project_id, hook.id),
        "SET token_hash = :new, sealed_secret = :secret, rotated_at = :now",
        "token_hash = :old",
        {
            ":new": token_hash,
            ":old": hook.token_hash,
            ":secret": sealed_secret,
            ":now": to_rfc3339(now),
        },
    )
    old = project_items.delete(_lookup_key(hook.token_hash))
    entry = _entry(hook, "hook.rotated", by, now)
    dynamodb.transact([update, _put_lookup(hook, token_hash), old, entry])


def switch(hook: Hook, *, on: bool, by: str, now: datetime) -> None:
    key = _key(hook.project_id, hook.id)
    update = project_items.update(key, "SET is_on = :on", THERE, {":on": on})
    action = "hook.switched_on" if on else "hook.switched_off"
    dynamodb.transact([update, _entry(hook, action, by, now)])


def _put_lookup(hook: Hook, token_hash: str) -> Write:
    lookup = {"project_id": hook.project_id, "hook_id": hook.id}
    return project_items.put({**_lookup_key(token_hash), **lookup})


def _entry(hook: Hook, action: str, by: str, now: datetime, **details: str) -> Write:
    return audit.entry(hook.project_id, actor=by, action=action, target=hook.id, now=now, **details)


def _key(project_id: str, hook_id: str) -> dict[str, str]:
    return project_items.key(project_id, f"hook#{hook_id}")


def _lookup_key(token_hash: str) -> dict[str, str]:
    return {"pk": f"hook#{token_hash}", "sk": "hook"}


def _hook(item: dynamodb.Item) -> Hook:
    return Hook.model_validate({**item, "sealed_secret": bytes(item["sealed_secret"])})
