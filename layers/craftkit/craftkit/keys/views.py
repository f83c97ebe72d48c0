"""Views of keys for the dashboard and the CLI: permissions, usage and rotation."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from craftkit.auth.principal import Mode
from craftkit.clock import utc_now
from craftkit.ids import is_id
from craftkit.keys import activity, repository, service
from craftkit.keys.activity import DayOfUse, SecretActivity
from craftkit.keys.lifecycle import QUIET_AFTER, quiet_since
from craftkit.keys.models import Key, Secret, Status
from craftkit.limits.models import LimitsState
from craftkit.limits.service import limits_of
from craftkit.slices import Place, Slice

LISTED_DAYS = 7
SHOWN_DAYS = 30


class KeyView(BaseModel):
    """A key in a list. Usage is the sum over all its secrets. `requests` and `renders` are of the
    last seven days (UTC); `renders` counts the render requests that the authorizer allowed.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    project_id: str
    name: str
    prefix: str
    mode: Mode
    scopes: tuple[str, ...]
    templates: tuple[str, ...]
    limited: tuple[str, ...]
    networks: tuple[str, ...]
    bound_to: str | None
    status: Status
    is_rotating: bool
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    revoked_reason: str | None
    is_suspended: bool
    exposed_at: datetime | None
    first_used_at: datetime | None
    last_used_at: datetime | None
    requests: int
    renders: int
    days: tuple[DayOfUse, ...]


class SecretView(BaseModel):
    """One secret of a key. Secrets in the state `ended` are shown for 30 days."""

    model_config = ConfigDict(frozen=True)

    prefix: str
    state: Literal["current", "previous", "ended"]
    created_at: datetime
    expires_at: datetime | None
    exposed_at: datetime | None
    first_used_at: datetime | None
    last_used_at: datetime | None
    requests: int
    renders: int
    days: tuple[DayOfUse, ...]


class RotationView(BaseModel):
    """A rotation under way, and whether the previous secret can be ended.

    `quiet_since` is set once the previous secret has not been used for 24 hours, counted from the
    new one's first use.
    """

    model_config = ConfigDict(frozen=True)

    state: Literal["awaiting_first_use", "in_grace"]
    previous_prefix: str
    previous_ends_at: datetime | None
    quiet_since: datetime | None
    message: str


class KeyDetails(KeyView):
    """One key in detail: each secret's use over the last 30 days, newest secret first.

    `networks_seen` are the /24 and /48 of these days' requests: a proposal for `networks`.
    """

    exposed_urls: tuple[str, ...]
    networks_seen: tuple[str, ...]
    secrets: tuple[SecretView, ...]
    rotation: RotationView | None
    limits: LimitsState | None


def list_keys(
    project_id: str, *, limit: int, cursor: str | None = None
) -> tuple[list[KeyView], str | None]:
    """A page of a project's keys with their usage, newest first, and the next page's cursor."""
    keys, following = service.list_keys(project_id, limit=limit, cursor=cursor)
    now = utc_now()
    used = activity.read_key_activities(keys, now=now, days=LISTED_DAYS)
    return [KeyView(**_fields(key, used[key.id], now)) for key in keys], following


@dataclass(frozen=True)
class KeyFilter:
    """Keys of this state and mode whose id, or a part of whose name, prefix or scopes, is `text`.
    Empty values match any key.
    """

    text: str = ""
    status: str = ""
    mode: str = ""

    def matches(self, key: Key, now: datetime) -> bool:
        texts = (key.name, *key.scopes, *(secret.prefix for secret in key.secrets))
        return (
            self.status in ("", key.status(now))
            and self.mode in ("", key.mode)
            and (
                self.text == key.id
                or any(self.text.casefold() in text.casefold() for text in texts)
            )
        )


def find_keys(project_id: str, wanted: KeyFilter, place: Place, *, limit: int) -> Slice[KeyView]:
    """A slice of the matching keys of a project, with their usage."""
    now = utc_now()
    if is_id(wanted.text):
        key = repository.get(wanted.text)
        is_here = key is not None and key.kind == "key" and key.project_id == project_id
        found = Slice([key] if key and is_here else [])
    else:
        found = repository.rows(project_id).read(
            place, limit=limit, matches=lambda key: wanted.matches(key, now)
        )
    used = activity.read_key_activities(found.rows, now=now, days=LISTED_DAYS)
    return found.with_rows([KeyView(**_fields(key, used[key.id], now)) for key in found.rows])


def show_key(key_id: str) -> KeyDetails:
    """One key in detail.

    Raises:
        NotFoundError: there is none of this id.
    """
    key, now = service.get_key(key_id), utc_now()
    used = [
        activity.read_secret_activity(key.id, secret, now=now, days=SHOWN_DAYS)
        for secret in key.secrets
    ]
    secrets = [
        _secret_view(key, secret, of_it, now)
        for secret, of_it in zip(key.secrets, used, strict=True)
    ]
    of_all = activity.merged(key.prefix, used)
    return KeyDetails(
        **_fields(key, of_all, now),
        exposed_urls=key.exposed_urls,
        networks_seen=tuple(sorted(each for each in of_all.networks if "/" in each)),
        secrets=tuple(reversed(secrets)),
        rotation=_rotation_view(key, used, now),
        limits=limits_of("key", key.id),
    )


def _fields(key: Key, used: SecretActivity, now: datetime) -> dict[str, object]:
    shared = {name: getattr(key, name) for name in KeyView.model_fields if name in Key.model_fields}
    return shared | {
        "prefix": key.prefix,
        "status": key.status(now),
        "expires_at": key.ends_at,
        "is_rotating": key.status(now) == "active" and key.previous(now) is not None,
        "first_used_at": used.first_used_at,
        "last_used_at": used.last_used_at,
        "requests": used.requests,
        "renders": used.renders,
        "days": used.days,
    }


def _secret_view(key: Key, secret: Secret, used: SecretActivity, now: datetime) -> SecretView:
    state: Literal["current", "previous", "ended"] = "ended"
    if secret is key.current:
        state = "current"
    elif secret is key.previous(now):
        state = "previous"
    return SecretView(
        prefix=secret.prefix,
        state=state,
        created_at=secret.created_at,
        expires_at=secret.ends_at,
        exposed_at=secret.exposed_at,
        first_used_at=used.first_used_at,
        last_used_at=used.last_used_at,
        requests=used.requests,
        renders=used.renders,
        days=used.days,
    )


def _rotation_view(key: Key, used: list[SecretActivity], now: datetime) -> RotationView | None:
    previous = key.previous(now)
    if previous is None or key.status(now) != "active":
        return None
    quiet = quiet_since(key, used[-2].last_used_at, now)
    hours = int(QUIET_AFTER.total_seconds() // 3600)
    if key.current.first_used_at is None:
        message = "The new secret has not been used yet. Deploy it; the old one works until then."
    elif quiet:
        message = f"The previous secret has had no traffic for {hours} h. It can be ended."
    else:
        message = "The previous secret, or the new one for the first time, was used within 24 h."
    return RotationView(
        state="in_grace" if key.current.first_used_at else "awaiting_first_use",
        previous_prefix=previous.prefix,
        previous_ends_at=previous.ends_at,
        quiet_since=quiet,
        message=message,
    )
