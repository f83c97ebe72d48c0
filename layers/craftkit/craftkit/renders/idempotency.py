"""Idempotency keys: each key belongs to one render and one request."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from craftkit.auth.principal import Mode
from craftkit.clock import utc_now
from craftkit.dynamodb import ConditionFailedError, Item
from craftkit.errors import IdempotencyConflictError
from craftkit.renders import repository
from craftkit.renders.models import Render, RenderRequest, Source
from craftkit.renders.repository import Idempotency


def idempotency_of(
    key: str | None, mode: Mode, source: Source, slug: str, request: RenderRequest
) -> Idempotency | None:
    """The claim on a caller's idempotency key.

    Each mode and each source has separate keys: a live request never returns a test render, and a
    third party that calls a hook cannot reach a render of the API.
    """
    if not key:
        return None
    return Idempotency(
        key_hash=_sha256_of([mode, source, key]),
        # Without defaults, so that a new option does not change the hash of older requests.
        request_hash=_sha256_of([slug, request.model_dump(mode="json", exclude_defaults=True)]),
    )


def create_once(
    render: Render,
    row: Item,
    idempotency: Idempotency | None,
    extra_writes: Sequence[dict[str, Any]] = (),
) -> Item | None:
    """Write a new render; the claim on its idempotency key where another render has it.

    A claim of a render that was erased or has expired is released.
    """
    while True:
        try:
            repository.create(render, row, idempotency=idempotency, extra_writes=extra_writes)
        except ConditionFailedError as error:
            claim = error.items[0]
            if idempotency is None or claim is None:
                raise
            if _holder_of(render.project_id, claim):
                return claim
            repository.release_claim(claim)
        else:
            return None


def find_render(project_id: str, idempotency: Idempotency | None) -> Render | None:
    """The render of an idempotency key, if there is one.

    Raises:
        IdempotencyConflictError: the key was used for another request.
    """
    claim = repository.find_claim(project_id, idempotency) if idempotency else None
    holder = _holder_of(project_id, claim) if claim else None
    if claim is not None and holder is not None and idempotency is not None:
        check_request(claim, idempotency)
    return holder


def check_request(claim: Item, idempotency: Idempotency) -> None:
    """Compare a request with the one that the key was used for.

    Raises:
        IdempotencyConflictError: it is another one.
    """
    if claim["request_hash"] != idempotency.request_hash:
        raise IdempotencyConflictError(str(claim["claimed_by"]))


def _holder_of(project_id: str, claim: Item) -> Render | None:
    found = repository.get(project_id, str(claim["claimed_by"]))
    return found if found is not None and found.holds_its_key_at(utc_now()) else None


def _sha256_of(parts: list[Any]) -> str:
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
