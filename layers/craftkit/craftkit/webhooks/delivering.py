"""Makes one delivery attempt: claims, signs, sends and records it."""

import random
from collections.abc import Callable, Mapping
from datetime import datetime

from craftkit import network, vault
from craftkit.clock import utc_now
from craftkit.dynamodb import ConditionFailedError
from craftkit.network import Fetched, FetchError, Policy
from craftkit.observability import log_and_count, logger
from craftkit.webhooks import deliveries, repository
from craftkit.webhooks.attempts import GONE, LEASE, put_off, time_of_next
from craftkit.webhooks.models import Attempt, Delivery, Endpoint
from craftkit.webhooks.policy import policy
from craftkit.webhooks.schedule import PATIENCE
from craftkit.webhooks.signing import headers_of

SYSTEM = "system:webhooks"

Fetch = Callable[[str, Policy, str, bytes, Mapping[str, str]], Fetched]
"""The signature of `network.fetch`."""


def deliver_webhook(
    project_id: str,
    endpoint_id: str,
    delivery_id: str,
    attempt: int,
    *,
    fetch: Fetch | None = None,
    chance: Callable[[], float] = random.random,
) -> Delivery | None:
    """Make the attempt with this number.

    Returns:
        The delivery after the attempt. None if the attempt was made before, or if its lease was
        lost before the result was recorded.
    """
    held = deliveries.claim(endpoint_id, delivery_id, attempt, utc_now() + LEASE)
    if held is None:
        return None
    endpoint = repository.get(project_id, endpoint_id)
    if endpoint is None or endpoint.disabled_at is not None:
        return deliveries.finish(held, "skipped", utc_now(), None)
    made, retry_after = _attempt(held, endpoint, fetch or network.fetch)
    outcome = {"outcome": "delivered" if made.is_success else "failed"}
    log_and_count("attempted", "WebhookAttempted", outcome, duration_ms=made.duration_ms)
    if made.is_success:
        ended = deliveries.finish(held, "delivered", utc_now(), made)
        _note_success(endpoint)
        return ended
    now = utc_now()
    ended = put_off(held, made, time_of_next(held, made, retry_after, now, chance()), now)
    _note_failure(endpoint, made, utc_now())
    return ended


def _attempt(held: Delivery, endpoint: Endpoint, fetch: Fetch) -> tuple[Attempt, str | None]:
    """The attempt, and the response's `Retry-After`."""
    started = utc_now()
    signing = [
        vault.unseal(secret.sealed, owner=endpoint.id)
        for secret in endpoint.living_secrets(started)
    ]
    headers = headers_of(held.event_id, held.event_type, held.payload, signing, started)
    made = Attempt(number=held.attempt, at=started, duration_ms=0, request_headers=headers)
    try:
        answer = fetch(endpoint.url, policy(), "POST", held.payload.encode(), headers)
    except FetchError as error:
        elapsed = utc_now() - started
        outcome = {"error": str(error), "duration_ms": round(elapsed.total_seconds() * 1000)}
        return made.model_copy(update=outcome), None
    outcome = {
        "status_code": answer.status,
        "duration_ms": answer.elapsed_ms,
        "response": answer.body.decode(errors="replace"),
        "error": None if 200 <= answer.status < 300 else f"answered {answer.status}",
    }
    return made.model_copy(update=outcome), answer.headers.get("retry-after")


def _note_success(endpoint: Endpoint) -> None:
    if endpoint.failing_since is not None:
        _unless_changed(lambda: repository.note_success(endpoint))


def _note_failure(endpoint: Endpoint, made: Attempt, now: datetime) -> None:
    """Switch the endpoint off if it answered 410 Gone, or has failed for five days."""
    if made.status_code == GONE:
        _disable(endpoint, "The endpoint answered 410 Gone.", now)
    elif endpoint.failing_since is None:
        _unless_changed(lambda: repository.note_failure(endpoint, made.at))
    elif now - endpoint.failing_since >= PATIENCE:
        _disable(endpoint, "Every attempt of five days failed.", now)


def _disable(endpoint: Endpoint, reason: str, now: datetime) -> None:
    logger.warning("an endpoint was switched off", extra={"endpoint_id": endpoint.id})
    _unless_changed(lambda: repository.disable(endpoint, by=SYSTEM, reason=reason, now=now))


def _unless_changed(write: Callable[[], None]) -> None:
    """Ignore a failed condition: the endpoint was switched off or deleted at the same time."""
    try:
        write()
    except ConditionFailedError:
        return
