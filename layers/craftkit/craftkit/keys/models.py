"""An API key, as it is kept, made and shown."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from craftkit.auth.principal import SCOPES, Mode

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=120)]
Outcome = Literal["fine", "malformed", "wrong_environment", "unknown", "revoked", "expired"]


class Secret(BaseModel):
    """One cleartext that opens a key. Only its SHA-256 and its shown prefix are kept."""

    model_config = ConfigDict(frozen=True)

    hash: str
    prefix: str
    created_at: datetime


class Key(BaseModel):
    """A key. `templates` are the slugs that it may use; empty means all of the project's."""

    model_config = ConfigDict(frozen=True)

    id: str
    project_id: str
    name: Name
    mode: Mode
    scopes: tuple[str, ...]
    templates: tuple[str, ...] = ()
    secrets: tuple[Secret, ...]
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_reason: str | None = None

    @property
    def prefix(self) -> str:
        return self.secrets[-1].prefix

    def is_expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now


class NewKey(BaseModel):
    """What a key is asked to be. No scopes means all four."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Name
    mode: Mode
    scopes: tuple[str, ...] = Field((), validate_default=True)
    templates: tuple[Slug, ...] = ()
    expires_at: datetime | None = None

    @field_validator("scopes")
    @classmethod
    def _known_scopes(cls, scopes: tuple[str, ...]) -> tuple[str, ...]:
        if any(scope not in SCOPES for scope in scopes):
            raise ValueError(f"A scope is one of {', '.join(SCOPES)}.")
        return tuple(scope for scope in SCOPES if scope in scopes or not scopes)

    @field_validator("templates")
    @classmethod
    def _each_once(cls, templates: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(set(templates)))


class MintedKey(BaseModel):
    """A key just made, with its cleartext: the only time that it is shown."""

    key: Key
    cleartext: str = Field(repr=False)


class Diagnosis(BaseModel):
    """Why a key works or does not, and what to do about it."""

    outcome: Outcome
    message: str
    fix: str | None = None
    minted_in: str | None = None
    key_id: str | None = None
    project_id: str | None = None
    revoked_at: datetime | None = None
    expires_at: datetime | None = None
