"""Models of projects, users and members."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, EmailStr, Field, StringConstraints

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]

EmbedStatus = Literal["off", "enabled", "suspended"]
"""Whether the project is an embed partner, and whether the partnership is suspended."""

ExposurePolicy = Literal["revoke", "alert"]
"""What happens to a key that was found in public: it is revoked, or only an event is sent."""

AnomalyPolicy = Literal["alert", "suspend", "revoke"]
"""What happens to a key whose use does not fit its past. An event is sent; the key is also
suspended (refused until that is undone) or revoked."""

Role = Literal["owner", "admin", "viewer"]
"""An owner may do everything, an admin everything except manage members, a viewer only read."""

ROLES: tuple[Role, ...] = ("owner", "admin", "viewer")


LONGEST_DAYS = 3650
Days = Annotated[int, Field(ge=1, le=LONGEST_DAYS)]


class KeyPolicy(BaseModel):
    """How long the keys of a project work. None means no rule.

    `longest_life_days` is the longest life of a secret: a key that is not rotated in this time
    expires. `unused_days` is the time without a request after which a key is revoked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    longest_life_days: Days | None = None
    unused_days: Days | None = None


class Project(BaseModel):
    """A project. `key_policy_set_at` is when its policy was set last, None if it never was."""

    model_config = ConfigDict(frozen=True)

    id: str
    slug: str
    name: Name
    created_at: datetime
    created_by: str
    exposure_policy: ExposurePolicy = "revoke"
    anomaly_policy: AnomalyPolicy = "alert"
    key_policy: KeyPolicy = KeyPolicy()
    key_policy_set_at: datetime | None = None


class User(BaseModel):
    """A user of the dashboard. `sub` never changes; the address may."""

    model_config = ConfigDict(frozen=True)

    sub: str
    email: EmailStr


class Member(BaseModel):
    """A user's membership of a project. Until `joined_at` is set, it is an invitation and gives no
    access."""

    model_config = ConfigDict(frozen=True)

    project_id: str
    sub: str
    email: str
    role: Role
    invited_by: str
    invited_at: datetime
    joined_at: datetime | None = None

    @property
    def may_change(self) -> bool:
        return self.role in ("owner", "admin")

    @property
    def may_manage_members(self) -> bool:
        return self.role == "owner"
