"""Embed sessions in requests and in the table. Requests are camelCase.

An `externalId` is the partner's id of a tenant or an actor; for a template it is the slug.
"""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    EmailStr,
    Field,
    StringConstraints,
    model_validator,
)

from craftkit.auth.principal import Mode
from craftkit.embed.catalogs.models import Catalog
from craftkit.embed.partners.models import PRESETS, Permission, Preset
from craftkit.embed.partners.origins import read_web_address, refusal
from craftkit.renders.models import METADATA_LIMIT, Filename, MetadataKey, MetadataValue
from craftkit.schema import ApiModel, Matches
from craftkit.templates.models import Slug

EmbedMode = Literal["edit", "create", "view", "fill"]


NEEDED: dict[EmbedMode, Permission] = {
    "edit": "edit",
    "create": "edit",
    "view": "view",
    "fill": "fill",
}
"""The permission that a session of the mode requires."""

DEFAULT_PERMISSIONS: dict[EmbedMode, tuple[Permission, ...]] = {
    "edit": PRESETS["editor"],
    "create": PRESETS["editor"],
    "view": ("view",),
    "fill": ("view", "fill"),
}

WRITING_MODES: frozenset[EmbedMode] = frozenset({"edit", "create"})
"""The modes in which a session changes templates."""


RENEWABLE_FOR = timedelta(days=7)
"""How long after its last token a session can be refreshed."""


def _permissions(value: Any) -> Any:
    """A preset's name or a list of permissions. Anything else raises one clear message.

    Pydantic's own message would list the faults of both types.
    """
    if isinstance(value, str):
        if value not in PRESETS:
            raise refusal("Must be admin, editor, viewer or a list of permissions")
        return value
    if isinstance(value, list | tuple):
        if not value or any(one not in get_args(Permission) for one in value):
            raise refusal("Must be a list of: " + ", ".join(get_args(Permission)))
        return tuple(dict.fromkeys(value))
    raise refusal("Must be admin, editor, viewer or a list of permissions")


WebAddress = Annotated[str, StringConstraints(max_length=2048), AfterValidator(read_web_address)]
ExternalId = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
ShownName = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Sentence = Annotated[str, StringConstraints(max_length=500)]
Color = Annotated[str, Matches(r"#[0-9a-fA-F]{6}", "Must be a color such as #1a2b3c")]
Path = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Permissions = Annotated[Preset | tuple[Permission, ...], BeforeValidator(_permissions)]
Count = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]


class Branding(ApiModel):
    """How the page shows a tenant. The page's policy allows images from the host of `logoUrl`."""

    logo_url: WebAddress | None = None
    primary_color: Color | None = None


class Tenant(ApiModel):
    external_id: ExternalId
    display_name: ShownName
    branding: Branding | None = None


class Actor(ApiModel):
    external_id: ExternalId
    display_name: ShownName | None = None
    email: EmailStr | None = None
    avatar_url: WebAddress | None = None


class Scope(ApiModel):
    """The session's mode and template. Only `create` can omit the template."""

    mode: EmbedMode
    template_external_id: Slug | None = None

    @model_validator(mode="after")
    def _names_a_template(self) -> Self:
        if self.mode != "create" and self.template_external_id is None:
            raise refusal(f"A session of mode {self.mode} requires templateExternalId")
        return self


class CatalogRef(ApiModel):
    """A published catalog. Without a version, the session keeps the latest one at its creation."""

    name: Slug
    version: Count | None = None


class Appearance(ApiModel):
    theme: Literal["light", "dark", "auto"] = "auto"
    primary_color: Color | None = None
    background_color: Color | None = None
    font_family: Literal["system", "serif", "rounded", "mono"] = "system"
    border_radius: Annotated[int, Field(ge=0, le=24, strict=True)] = 8


class Callbacks(ApiModel):
    """The URLs to which the page redirects when it is not framed; each on an allowed origin."""

    submitted: WebAddress | None = None
    published: WebAddress | None = None
    closed: WebAddress | None = None


class EmbedLimits(ApiModel):
    """Limits of the session: lifetime of a token, number of submissions, items of a loop."""

    session_seconds: Annotated[int, Field(ge=60, le=14_400, strict=True)] = 14_400
    submissions: Count | None = None
    items: Annotated[int, Field(ge=1, le=10_000, strict=True)] | None = None


class Form(ApiModel):
    """The settings of a form.

    `data` is the initial data. The visitor cannot change the value at a path in `locked`
    (`customer.name`, `items`). `renderId` is the document that a session of mode `view` shows.
    """

    title: ShownName | None = None
    description: Sentence | None = None
    submit_label: Annotated[str, StringConstraints(min_length=1, max_length=60)] | None = None
    data: dict[str, Any] = Field({})
    locked: Annotated[tuple[Path, ...], Field(max_length=300)] = ()
    filename: Filename | None = None
    metadata: dict[MetadataKey, MetadataValue] = Field({}, max_length=METADATA_LIMIT)
    render_id: Annotated[str, StringConstraints(max_length=36)] | None = None


class SessionRequest(ApiModel):
    """The body of `POST /v1/embed/sessions`, and `ck` of a token that a partner signs."""

    tenant: Tenant
    actor: Actor
    scope: Scope
    catalog_ref: CatalogRef | None = None
    variable_catalog: Catalog | None = None
    permissions: Permissions | None = None
    appearance: Appearance = Appearance()
    callbacks: Callbacks = Callbacks()
    limits: EmbedLimits = EmbedLimits()
    form: Form = Form()

    @model_validator(mode="after")
    def _one_catalog(self) -> Self:
        if self.catalog_ref and self.variable_catalog:
            raise refusal("Send either catalogRef or variableCatalog, not both")
        return self


class RefreshRequest(ApiModel):
    renew_token: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class EmbedSession(ApiModel):
    """A session's row. `request` is the body of its request, with the version of its catalog.

    In mode `create`, `template_slug` can be None until the first save; `has_created` is true after
    it. `version_number` is the version that the modes `fill` and `view` show.
    """

    project_id: str
    id: str
    request: SessionRequest
    permissions: tuple[Permission, ...]
    template_slug: str | None
    has_created: bool = False
    version_number: int | None = None
    key_id: str
    key_mode: Mode
    publishable_key: str | None = None
    created_at: datetime
    expires_at: datetime
    renewable_until: datetime
    revoked_at: datetime | None = None
    submissions: int = 0
    render_ids: frozenset[str] = frozenset()

    def state_at(self, now: datetime) -> Literal["active", "expired", "revoked"]:
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at <= now else "active"

    @property
    def mode(self) -> EmbedMode:
        return self.request.scope.mode

    @property
    def by(self) -> str:
        """The author of drafts and versions of this session."""
        return f"actor:{self.request.tenant.external_id}/{self.request.actor.external_id}"
