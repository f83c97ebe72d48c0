"""Reads the key usage that the authorizer wrote. It can be up to a minute behind."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from boto3.dynamodb.conditions import Key as KeyCondition
from pydantic import BaseModel, ConfigDict

from craftkit import dynamodb
from craftkit.clock import from_rfc3339
from craftkit.config import config
from craftkit.keys.models import Key, Secret


class DayOfUse(BaseModel):
    model_config = ConfigDict(frozen=True)

    day: date
    requests: int
    renders: int


class SecretActivity(BaseModel):
    """Use of one secret. `days` are the days with requests, oldest first. `networks` are the /24
    and /48 that the requests of these days came from."""

    model_config = ConfigDict(frozen=True)

    prefix: str
    first_used_at: datetime | None = None
    last_used_at: datetime | None = None
    days: tuple[DayOfUse, ...] = ()
    networks: frozenset[str] = frozenset()

    @property
    def requests(self) -> int:
        return sum(day.requests for day in self.days)

    @property
    def renders(self) -> int:
        return sum(day.renders for day in self.days)


def read_secret_activity(
    key_id: str, secret: Secret, *, now: datetime, days: int
) -> SecretActivity:
    """A secret's first and last use, and its use on each of the last `days` days (UTC)."""
    since = f"{secret.prefix}#{now.date() - timedelta(days=days - 1)}"
    rows = _table().query(
        KeyConditionExpression=KeyCondition("key_id").eq(key_id)
        & KeyCondition("secret_day").between(since, f"{secret.prefix}#~"),
        ConsistentRead=True,
    )["Items"]
    whole = _table().get_item(Key=_key(key_id, secret.prefix), ConsistentRead=True).get("Item")
    return _activity_of(secret.prefix, whole, rows)


def read_key_activities(
    keys: Sequence[Key], *, now: datetime, days: int
) -> dict[str, SecretActivity]:
    """The use of each key, of all its secrets together, by key id. Reads in batches."""
    dates = [f"{now.date() - timedelta(days=ago)}" for ago in reversed(range(days))]
    wanted = {
        (key.id, sort)
        for key in keys
        for secret in key.secrets
        for sort in (secret.prefix, *(f"{secret.prefix}#{day}" for day in dates))
    }
    rows = dynamodb.get_many(config.key_activity_table, [_key(*one) for one in sorted(wanted)])
    found = {(row["key_id"], row["secret_day"]): row for row in rows}
    return {key.id: _of_key(key, found, dates) for key in keys}


def _of_key(
    key: Key, found: dict[tuple[str, str], dynamodb.Item], dates: list[str]
) -> SecretActivity:
    each = [
        _activity_of(
            secret.prefix,
            found.get((key.id, secret.prefix)),
            [row for day in dates if (row := found.get((key.id, f"{secret.prefix}#{day}")))],
        )
        for secret in key.secrets
    ]
    return merged(key.prefix, each)


def merged(prefix: str, each: Iterable[SecretActivity]) -> SecretActivity:
    """The use of several secrets, added up."""
    parts = list(each)
    firsts = [part.first_used_at for part in parts if part.first_used_at]
    lasts = [part.last_used_at for part in parts if part.last_used_at]
    days: dict[date, DayOfUse] = {}
    for one in (one for part in parts for one in part.days):
        known = days.get(one.day, DayOfUse(day=one.day, requests=0, renders=0))
        days[one.day] = DayOfUse(
            day=one.day,
            requests=known.requests + one.requests,
            renders=known.renders + one.renders,
        )
    return SecretActivity(
        prefix=prefix,
        first_used_at=min(firsts, default=None),
        last_used_at=max(lasts, default=None),
        days=tuple(days[day] for day in sorted(days)),
        networks=frozenset().union(*(part.networks for part in parts)),
    )


def _activity_of(
    prefix: str, whole: dynamodb.Item | None, rows: Sequence[dynamodb.Item]
) -> SecretActivity:
    moments = {
        name: from_rfc3339(whole[name])
        for name in ("first_used_at", "last_used_at")
        if whole and name in whole
    }
    days = [
        DayOfUse(
            day=date.fromisoformat(row["secret_day"].rpartition("#")[2]),
            requests=row["requests"],
            renders=row["renders"],
        )
        for row in rows
    ]
    networks = frozenset().union(*(row.get("networks", ()) for row in rows))
    return SecretActivity(prefix=prefix, days=tuple(days), networks=networks, **moments)


def _key(key_id: str, secret_day: str) -> dict[str, str]:
    return {"key_id": key_id, "secret_day": secret_day}


def _table() -> Any:
    return dynamodb.table(config.key_activity_table)
