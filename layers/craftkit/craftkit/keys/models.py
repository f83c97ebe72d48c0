"""Models of API keys."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from craftkit.auth import networks
from craftkit.auth.principal import DEFAULT_SCOPES, SCOPES, Mode, Principal
from craftkit.schema import Matches

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Slug = Annotated[
    str,
    StringConstraints(max_length=120),
    Matches(
        r"[a-z0-9][a-z0-9-]*",
        "Must be lower-case letters, digits and hyphens, such as delivery-note",
    ),
]
TEMPLATES_LIMIT = 100
"""Maximum templates of one key. DynamoDB's `IN` takes at most 100 values."""

Status = Literal["active", "expired", "revoked"]
NETWORKS_LIMIT = 20

Kind = Literal["key", "token"]
Outcome = Literal["fine", "malformed", "wrong_environment", "unknown", "revoked", "expired"]


class Secret(BaseModel):
    """One secret of a key. Only its SHA-256 and its prefix are stored.

    `grace` is how long the previous secret works after this one's first use, which sets
    `expires_at` of the previous secret. `ends_by` is when the project's key policy ends the secret.
    A secret that has ended is kept for 30 days, so that a diagnosis can explain it.
    """

    model_config = ConfigDict(frozen=True)

    hash: str
    prefix: str
    created_at: datetime
    grace: timedelta | None = None
    first_used_at: datetime | None = None
    expires_at: datetime | None = None
    ends_by: datetime | None = None
    exposed_at: datetime | None = None

    @property
    def ends_at(self) -> datetime | None:
        """The earlier of `expires_at` and `ends_by`."""
        return _earliest(self.expires_at, self.ends_by)

    def has_ended(self, now: datetime) -> bool:
        return self.ends_at is not None and self.ends_at <= now


class Key(BaseModel):
    """A key. `kind` is `token` for a short-lived key of the token exchange.

    `templates` are the slugs that it may use; empty means all of the project's. `networks` are the
    CIDR ranges that it may be used from; empty means any address. `bound_to` is the RFC 7638
    thumbprint of the public key that must sign DPoP proofs; None for a key without them.
    `rule_id` is the trust rule of a token.

    `secrets` are in order of creation; the last is the current one. If the current secret was
    exposed during a rotation, it ends and the previous one is moved to the end. `revision` counts
    the changes, so that only one of two concurrent changes succeeds. `reminded_days` is the last
    reminder before the expiry that was sent, or that was due before the key was created.
    `quiet_since` is set once the previous secret has not been used for 24 hours.

    `is_suspended` is set for a revocation that can be undone at any time.

    `longest_life_days` and `unused_days` are the project's key policy. The time without use counts
    from `unused_from` at the earliest; `unused_check_at` is when `keys.policy` looks at it next.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    project_id: str
    kind: Kind = "key"
    name: Name
    mode: Mode
    scopes: tuple[str, ...]
    templates: tuple[str, ...] = ()
    limited: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    bound_to: str | None = None
    rule_id: str | None = None
    secrets: tuple[Secret, ...]
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_reason: str | None = None
    is_suspended: bool = False
    exposed_at: datetime | None = None
    exposed_urls: tuple[str, ...] = ()
    reminded_days: int | None = None
    quiet_since: datetime | None = None
    longest_life_days: int | None = None
    unused_days: int | None = None
    unused_from: datetime | None = None
    unused_check_at: datetime | None = None
    unused_reminded_days: int | None = None
    revision: int = 0

    @property
    def current(self) -> Secret:
        return self.secrets[-1]

    @property
    def prefix(self) -> str:
        return self.current.prefix

    @property
    def principal(self) -> Principal:
        """The principal of a request with this key."""
        return Principal(
            self.project_id,
            self.id,
            self.mode,
            frozenset(self.scopes),
            frozenset(self.templates),
            frozenset(self.limited),
            self.rule_id or "",
        )

    def previous(self, now: datetime) -> Secret | None:
        """The previous secret during a rotation; None without a rotation."""
        older = self.secrets[-2:-1]
        return older[0] if older and not older[0].has_ended(now) else None

    @property
    def ends_at(self) -> datetime | None:
        """When the key expires, by its own expiry or by the policy's life of its secret."""
        return _earliest(self.expires_at, self.current.ends_by)

    def is_expired(self, now: datetime) -> bool:
        return self.ends_at is not None and self.ends_at <= now

    def status(self, now: datetime) -> Status:
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.is_expired(now) else "active"


def _earliest(*times: datetime | None) -> datetime | None:
    return min((time for time in times if time is not None), default=None)


class KeyName(BaseModel):
    """A request to rename a key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name


class NewKey(BaseModel):
    """A request to create a key. No scopes means `DEFAULT_SCOPES`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Name
    mode: Mode
    scopes: tuple[str, ...] = Field((), validate_default=True)
    templates: Annotated[tuple[Slug, ...], Field(max_length=TEMPLATES_LIMIT)] = ()
    networks: Annotated[tuple[str, ...], Field(max_length=NETWORKS_LIMIT)] = ()
    bound_to: (
        Annotated[str, Matches(r"[0-9A-Za-z_-]{43}", "Must be the RFC 7638 thumbprint of a key")]
        | None
    ) = None
    expires_at: datetime | None = None

    @field_validator("scopes")
    @classmethod
    def _known_scopes(cls, scopes: tuple[str, ...]) -> tuple[str, ...]:
        if any(scope not in SCOPES for scope in scopes):
            raise ValueError(f"Each scope must be one of {', '.join(SCOPES)}.")
        wanted = scopes or DEFAULT_SCOPES
        return tuple(scope for scope in SCOPES if scope in wanted)

    @field_validator("networks")
    @classmethod
    def _ranges(cls, ranges: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return tuple(sorted({networks.canonical(each) for each in ranges}))
        except ValueError as error:
            raise ValueError(
                "A network is a CIDR range without host bits, such as 203.0.113.0/24 or "
                "2001:db8::/32."
            ) from error

    @field_validator("templates")
    @classmethod
    def _each_once(cls, templates: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(set(templates)))


class MintedKey(BaseModel):
    """A new key or secret with its cleartext, which is shown only once."""

    key: Key
    cleartext: str = Field(repr=False)


class Exposure(BaseModel):
    """A report of a key found in public. `token` may hold text around the key, such as a header."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    token: str = Field(repr=False, max_length=4096)
    type: str = Field("", max_length=200)
    url: str = Field("", max_length=4096)
    source: str = Field("", max_length=200)


class Diagnosis(BaseModel):
    """Why a key works or is refused, and how to fix it."""

    outcome: Outcome
    message: str
    fix: str | None = None
    minted_in: str | None = None
    key_id: str | None = None
    project_id: str | None = None
    revoked_at: datetime | None = None
    expires_at: datetime | None = None
