"""A project as an embed partner: its status, sites, permissions and signing keys."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    StringConstraints,
    field_validator,
)

from craftkit.auth.principal import Mode
from craftkit.embed.partners.origins import read_origin
from craftkit.schema import ApiModel

Permission = Literal["view", "fill", "edit", "publish"]
Preset = Literal["admin", "editor", "viewer"]
PartnerStatus = Literal["off", "enabled", "suspended"]

PRESETS: dict[Preset, tuple[Permission, ...]] = {
    "admin": ("view", "fill", "edit", "publish"),
    "editor": ("view", "fill", "edit"),
    "viewer": ("view",),
}
"""The default permissions of each preset."""

WRITING_PERMISSIONS: frozenset[Permission] = frozenset({"edit", "publish"})

ORIGIN_LIMIT = 50

Origin = Annotated[str, StringConstraints(max_length=300), AfterValidator(read_origin)]


class Partner(ApiModel):
    """A project as a partner: its status and its embed settings."""

    project_id: str
    status: PartnerStatus
    origins: Annotated[tuple[Origin, ...], Field(max_length=ORIGIN_LIMIT)] = ()
    presets: dict[Preset, tuple[Permission, ...]] = Field({})
    updated_at: datetime
    updated_by: str

    def permissions_of(self, preset: Preset) -> tuple[Permission, ...]:
        return self.presets.get(preset, PRESETS[preset])

    @property
    def allowed_permissions(self) -> frozenset[Permission]:
        """The permissions that a session of this partner can have: the union of its presets."""
        return frozenset().union(*(self.permissions_of(preset) for preset in PRESETS))

    @field_validator("origins")
    @classmethod
    def _each_once(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(origins))


class SigningKey(ApiModel):
    """The public key of a partner's key pair for signing tokens. The private key is not stored."""

    project_id: str
    id: str
    publishable_key: str
    mode: Mode
    public_key: str
    created_at: datetime
    created_by: str
    revoked_at: datetime | None = None
