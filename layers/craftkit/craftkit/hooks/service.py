"""Creates and rotates hooks, and accepts calls to them."""

import secrets
from collections.abc import Callable
from typing import Any

from craftkit import vault
from craftkit.auth.principal import RENDERS_WRITE, Principal
from craftkit.clock import utc_now
from craftkit.dynamodb import ConditionFailedError
from craftkit.errors import (
    ConflictError,
    InvalidCredentialsError,
    InvalidRequestError,
    InvalidSignatureError,
    InvalidTokenError,
    NotFoundError,
)
from craftkit.hooks import repository
from craftkit.hooks.models import Hook, MadeHook, hash_of
from craftkit.hooks.signature import is_valid_signature
from craftkit.ids import new_id
from craftkit.keys import service as keys
from craftkit.renders import service as renders
from craftkit.renders.models import Render, RenderRequest
from craftkit.templates import service as templates

_TOKEN_BYTES = 32
_SECRET_BYTES = 32
_HOW_TO_SIGN = (
    "Send x-craftkit-signature: the HMAC-SHA256 of the raw body under the hook's secret, "
    "64 lower-case hex digits."
)


def create_hook(
    project_id: str,
    slug: str,
    key_id: str,
    *,
    requires_signature: bool,
    by: str,
) -> MadeHook:
    """Create a hook for a template. Its calls render with one of the project's API keys.

    Raises:
        TemplateNotFoundError: the project has no such template.
        NotFoundError: the project has no such key.
        InvalidRequestError: the key is revoked or expired, or may not render this template.
    """
    templates.get_template(project_id, slug)
    key = keys.get_key(key_id)
    if key.project_id != project_id:
        raise NotFoundError("There is no key of this id.")
    now = utc_now()
    if key.revoked_at is not None or key.is_expired(now):
        raise InvalidRequestError(
            "The key is revoked or expired, so its hooks would be refused. Choose an active key."
        )
    if RENDERS_WRITE not in key.scopes or (key.templates and slug not in key.templates):
        raise InvalidRequestError(
            "The key is limited to other templates. Choose a key that can render this template."
        )
    id_, token, secret = new_id(), _new_token(), _new_secret()
    hook = Hook(
        id=id_,
        project_id=project_id,
        slug=slug,
        key_id=key_id,
        token_hash=str(hash_of(token)),
        sealed_secret=vault.seal(secret, owner=id_),
        requires_signature=requires_signature,
        created_at=now,
        created_by=by,
    )
    repository.create(hook)
    return MadeHook(hook=hook, token=token, secret=secret)


def get_hook(project_id: str, hook_id: str) -> Hook:
    """The hook.

    Raises:
        NotFoundError: the project has no such hook.
    """
    hook = repository.get(project_id, hook_id)
    if hook is None:
        raise NotFoundError("There is no hook of this id in this project.")
    return hook


def list_hooks(project_id: str) -> list[Hook]:
    """The project's hooks, oldest first."""
    return repository.list_hooks(project_id)


def rotate_hook(project_id: str, hook_id: str, *, by: str) -> MadeHook:
    """Give a hook a new token and a new secret. The old ones are refused at once.

    To change without an interruption, create a second hook, move the sender, then switch the
    first one off.

    Raises:
        NotFoundError: the project has no such hook.
        ConflictError: the hook was rotated at the same time.
    """
    hook, token, secret = get_hook(project_id, hook_id), _new_token(), _new_secret()
    try:
        repository.rotate(
            hook,
            token_hash=str(hash_of(token)),
            sealed_secret=vault.seal(secret, owner=hook.id),
            by=by,
            now=utc_now(),
        )
    except ConditionFailedError as error:
        raise ConflictError(
            "Another request rotated the hook at the same time. Try again."
        ) from error
    return MadeHook(hook=get_hook(project_id, hook_id), token=token, secret=secret)


def switch_hook(project_id: str, hook_id: str, *, on: bool, by: str) -> Hook:
    """Enable or disable a hook. Requests to a disabled hook get 404, like an unknown token."""
    hook = get_hook(project_id, hook_id)
    if hook.is_on is not on:
        repository.switch(hook, on=on, by=by, now=utc_now())
    return get_hook(project_id, hook_id)


def receive_hook(
    token: str,
    body: bytes,
    *,
    read: Callable[[], dict[str, Any]],
    signature: str | None,
    base_url: str,
    idempotency_key: str | None = None,
) -> Render:
    """Accept a call of a hook and create a render. The body is the template's data.

    Checked in this order: the token, the signature of the raw body, the hook's key as it is now.
    The body is parsed last.

    Args:
        body: the raw bytes, which were signed.
        read: parses the body as a JSON object, or raises.

    Raises:
        InvalidTokenError: no hook that is switched on has the token.
        InvalidSignatureError: the signature is wrong, or missing where one is required.
        InvalidCredentialsError: the hook's key is revoked or expired.
        CraftkitError: the body is refused; see `renders.service.create_render`.
    """
    token_hash = hash_of(token)
    hook = repository.find(token_hash) if token_hash else None
    if hook is None or not hook.is_on:
        raise InvalidTokenError
    _require_signature(hook, signature, body)
    render, _ = renders.create_render(
        _principal_of(hook),
        hook.slug,
        RenderRequest(data=read()),
        base_url=base_url,
        # Each hook has its own idempotency keys, so that callers cannot see each other's renders.
        idempotency_key=f"{hook.id}#{idempotency_key}" if idempotency_key else None,
        source="hook",
    )
    return render


def _require_signature(hook: Hook, signature: str | None, body: bytes) -> None:
    if signature is None:
        if hook.requires_signature:
            raise InvalidSignatureError(_HOW_TO_SIGN)
        return
    secret = vault.unseal(hook.sealed_secret, owner=hook.id)
    if not is_valid_signature(signature, secret, body):
        raise InvalidSignatureError(_HOW_TO_SIGN)


def _principal_of(hook: Hook) -> Principal:
    key = keys.get_key(hook.key_id)
    if key.revoked_at is not None or key.is_expired(utc_now()):
        message = "The API key behind this hook is revoked or expired. Make a hook of another key."
        raise InvalidCredentialsError(message)
    return key.principal


def _new_token() -> str:
    return secrets.token_urlsafe(_TOKEN_BYTES)


def _new_secret() -> str:
    return secrets.token_hex(_SECRET_BYTES)
