"""`GET /v1/me`: the key of the request and its limits."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

from craftkit import dynamodb
from craftkit.auth.principal import LIMITED, Mode, Principal
from craftkit.clock import to_rfc3339, utc_now
from craftkit.config import config
from craftkit.errors import InvalidCredentialsError
from craftkit.keys import repository
from craftkit.limits import rates
from craftkit.limits.meter import Moment, states
from craftkit.limits.service import default_read_rate, default_write_rate, subject_of
from craftkit.rate_limits import LimitState
from craftkit.schema import ApiModel


class LimitView(ApiModel):
    """One limit that the key's requests are charged to, named as in `RateLimit-Policy`."""

    name: str
    limit: int
    remaining: int
    resets_at: str


class CallerView(ApiModel):
    """The key that made the request. Empty `templates` and `networks` mean all of them."""

    key_id: str
    name: str
    kind: Literal["key", "token"]
    project_id: str
    mode: Mode
    scopes: list[str]
    templates: list[str]
    networks: list[str]
    bound: bool
    expires_at: str | None
    limits: list[LimitView]


def describe_caller(principal: Principal) -> CallerView:
    """The caller's key and what is left of its limits, in one strongly consistent read.

    Raises:
        InvalidCredentialsError: the key was deleted after the authorizer verified it.
    """
    now = utc_now()
    rate_items = [
        rates.subject_of(rate, principal.project_id)
        for rate in (default_write_rate(), default_read_rate())
    ]
    own_items = [
        subject_of(kind, principal.key_id if kind == "key" else principal.project_id)
        for kind in LIMITED
    ]
    found = dynamodb.get_from_tables(
        {
            config.keys_table: [repository.head_key(principal.key_id)],
            config.limits_table: [{"subject": each} for each in (*rate_items, *own_items)],
        }
    )
    if not found[config.keys_table]:
        raise InvalidCredentialsError
    key = repository.key_of(found[config.keys_table][0])
    items = {str(item["subject"]): item for item in found[config.limits_table]}
    return CallerView(
        key_id=key.id,
        name=key.name,
        kind=key.kind,
        project_id=key.project_id,
        mode=key.mode,
        scopes=list(key.scopes),
        templates=list(key.templates),
        networks=list(key.networks),
        bound=key.bound_to is not None,
        expires_at=to_rfc3339(key.ends_at) if key.ends_at else None,
        limits=[_view(state, now) for state in _states(principal, items, now)],
    )


def _states(
    principal: Principal, items: dict[str, dynamodb.Item], now: datetime
) -> Iterator[LimitState]:
    has_own_rate = False
    for kind in LIMITED:
        id_ = principal.key_id if kind == "key" else principal.project_id
        item = items.get(subject_of(kind, id_))
        if item is not None and kind in principal.limited:
            yield from states(item, Moment(now), kind=kind)
            has_own_rate = has_own_rate or (kind == "project" and "interval_us" in item)
    default = [default_read_rate()] if has_own_rate else [default_write_rate(), default_read_rate()]
    for rate in default:
        if rate.per_second:
            bucket = items.get(rates.subject_of(rate, principal.project_id))
            yield rates.state_of(rate, bucket, now)


def _view(state: LimitState, now: datetime) -> LimitView:
    return LimitView(
        name=state.name,
        limit=state.limit,
        remaining=state.remaining,
        resets_at=to_rfc3339(now + timedelta(seconds=state.reset_seconds)),
    )
