"""Every route that callers may use: what it takes, what it answers, which scope it wants.

`functions/` answers them and template.yaml wires them; a test keeps the three the same.
"""

from typing import Literal

from pydantic import BaseModel, RootModel

from craftkit import errors
from craftkit.auth.principal import EMBED_WRITE, RENDERS_READ, RENDERS_WRITE, TEMPLATES_READ
from craftkit.embed.models import (
    CatalogList,
    CatalogRead,
    CatalogRequest,
    RefreshRequest,
    SessionRequest,
)
from craftkit.embed.views import CatalogsView, CatalogView, JwksView, SessionView
from craftkit.hooks.models import HookData
from craftkit.keys.models import Exposure
from craftkit.openapi.route import Route
from craftkit.renders.models import RenderList, RenderPage, RenderRequest, RenderView
from craftkit.schema import ApiModel
from craftkit.templates.views import TemplateDetailView, TemplateList, TemplatesView
from craftkit.usage.models import UsageQuery, UsageView


class HealthView(ApiModel):
    """The answer of `GET /health`."""

    status: Literal["ok"]
    stage: str


class ExposureReport(RootModel[list[Exposure]]):
    """What a secret scanning programme found."""


class Finding(BaseModel):
    """What one token was, in the programme's own words. `token_hash` is its SHA-256."""

    token_hash: str
    token_type: str
    label: Literal["true_positive", "false_positive"]


class Findings(RootModel[list[Finding]]):
    """The answer to a report: of each token that there is a word for."""


_LIMITS = (errors.RateLimitedError, errors.QuotaExceededError)
_IDEMPOTENCY = {
    "Idempotency-Key": "The same key with the same body gives the stored render in its present "
    "state; with another body it is refused. Live and test keys keep theirs apart. At most 200 "
    "characters."
}

ROUTES: tuple[Route, ...] = (
    Route(
        "POST",
        "/v1/templates/{slug}/render",
        "create_render",
        "Render a document",
        {202: RenderView, 200: RenderView},
        scope=RENDERS_WRITE,
        body=RenderRequest,
        headers=_IDEMPOTENCY,
        errors=(
            errors.InvalidInputDataError,
            errors.TemplateNotFoundError,
            errors.VersionNotFoundError,
            errors.NoPublishedVersionError,
            errors.IdempotencyConflictError,
            errors.QueueUnavailableError,
            *_LIMITS,
        ),
        description="202 while the render is to come: poll `pollUrl`. 200 for a repeat of an "
        "idempotent request, and for `options.sync` once the document is there.",
    ),
    Route(
        "GET",
        "/v1/renders",
        "list_renders",
        "List renders, newest first",
        {200: RenderPage},
        scope=RENDERS_READ,
        query=RenderList,
        description="Those of the key's own mode; of its own templates where it is confined to "
        "some.",
        errors=(errors.InvalidCursorError,),
    ),
    Route(
        "GET",
        "/v1/renders/{id}",
        "get_render",
        "Read a render",
        {200: RenderView},
        scope=RENDERS_READ,
        errors=(errors.NotFoundError,),
    ),
    Route(
        "GET",
        "/v1/renders/{id}/download",
        "download_render",
        "Download a render's document",
        {302: None},
        scope=RENDERS_READ,
        errors=(errors.NotFoundError, errors.NotReadyError),
        description="302 to a signed address of the PDF that lives for minutes.",
    ),
    Route(
        "POST",
        "/v1/renders/{id}/cancel",
        "cancel_render",
        "Cancel a render that is still queued",
        {200: RenderView},
        scope=RENDERS_WRITE,
        errors=(errors.NotFoundError, errors.NotCancellableError),
    ),
    Route(
        "GET",
        "/v1/templates",
        "list_templates",
        "List templates, by slug",
        {200: TemplatesView},
        scope=TEMPLATES_READ,
        query=TemplateList,
        errors=(errors.InvalidCursorError,),
    ),
    Route(
        "GET",
        "/v1/templates/{slug}",
        "get_template",
        "Read a template: its manifest, JSON Schema and versions",
        {200: TemplateDetailView},
        scope=TEMPLATES_READ,
        errors=(errors.TemplateNotFoundError,),
    ),
    Route(
        "GET",
        "/v1/usage",
        "get_usage",
        "Read how much was rendered",
        {200: UsageView},
        scope=RENDERS_READ,
        query=UsageQuery,
        description="Counters of succeeded renders by UTC day, mode and key; a render counts once, "
        "within a minute of its end. Those of the key's own mode; of its own templates where it is "
        "confined to some. The last 30 days by default.",
    ),
    Route(
        "POST",
        "/v1/hooks/{token}",
        "receive_hook",
        "Render a hook's template with the body as its data",
        {202: RenderView},
        body=HookData,
        headers=_IDEMPOTENCY
        | {
            "x-craftkit-signature": "HMAC-SHA256 of the raw body under the hook's secret, in "
            "lower-case hex. Checked when present; some hooks require it."
        },
        errors=(
            errors.InvalidTokenError,
            errors.InvalidSignatureError,
            errors.InvalidCredentialsError,
            errors.InsufficientScopeError,
            errors.InvalidInputDataError,
            errors.TemplateNotFoundError,
            errors.NoPublishedVersionError,
            errors.IdempotencyConflictError,
            errors.QueueUnavailableError,
            *_LIMITS,
        ),
        description="The token stands in for an API key: the render is its hook's key's.",
    ),
    Route(
        "POST",
        "/v1/embed/sessions",
        "create_embed_session",
        "Mint an embed session",
        {201: SessionView},
        scope=EMBED_WRITE,
        body=SessionRequest,
        errors=(
            errors.PartnerSuspendedError,
            errors.TemplateNotFoundError,
            errors.NoPublishedVersionError,
            errors.CatalogNotFoundError,
            errors.NotFoundError,
            errors.RateLimitedError,
        ),
        description="`iframe_url` opens the page. `renew_token` is good once, for a week. "
        "Modes `edit` and `create` also need the scope `embed:edit`.",
    ),
    Route(
        "POST",
        "/v1/embed/sessions/refresh",
        "refresh_embed_session",
        "Renew an embed session's token",
        {200: SessionView},
        scope=EMBED_WRITE,
        body=RefreshRequest,
        errors=(errors.PartnerSuspendedError, errors.RefreshFailedError),
        description="Of two calls with the same renew token, one is answered.",
    ),
    Route(
        "DELETE",
        "/v1/embed/sessions/{id}",
        "revoke_embed_session",
        "Revoke an embed session",
        {204: None},
        scope=EMBED_WRITE,
        errors=(errors.PartnerSuspendedError, errors.NotFoundError),
        description="It is refused from the next request on. A second time changes nothing.",
    ),
    Route(
        "POST",
        "/v1/embed/catalogs",
        "publish_catalog",
        "Publish a catalog's next version",
        {201: CatalogView},
        scope=EMBED_WRITE,
        body=CatalogRequest,
        errors=(errors.PartnerSuspendedError, errors.ConflictError),
    ),
    Route(
        "GET",
        "/v1/embed/catalogs",
        "list_catalogs",
        "List catalogs, by name",
        {200: CatalogsView},
        scope=EMBED_WRITE,
        query=CatalogList,
        errors=(errors.PartnerSuspendedError, errors.InvalidCursorError),
    ),
    Route(
        "GET",
        "/v1/embed/catalogs/{name}",
        "get_catalog",
        "Read a catalog, and what changed in it",
        {200: CatalogView},
        scope=EMBED_WRITE,
        query=CatalogRead,
        errors=(errors.PartnerSuspendedError, errors.CatalogNotFoundError),
    ),
    Route(
        "GET",
        "/.well-known/jwks.json",
        "get_jwks",
        "Read the keys that verify session tokens",
        {200: JwksView},
    ),
    Route(
        "POST",
        "/v1/exposed-keys",
        "report_exposed_keys",
        "Report keys that were found in the open",
        {200: Findings},
        body=ExposureReport,
        errors=(errors.InvalidSignatureError,),
        headers={
            "github-public-key-identifier": "Which key of the programme signed the raw body.",
            "github-public-key-signature": "Its ECDSA signature, base64.",
        },
        description="For secret scanning programmes, in the form of GitHub's.",
    ),
    Route("GET", "/health", "get_health", "Is the stage there?", {200: HealthView}),
    Route("GET", "/v1/openapi.json", "get_openapi", "Read this document", {200: None}),
)


def methods_of(path: str) -> list[str]:
    """The methods that a path supports: with each GET a HEAD, and always OPTIONS."""
    found = {route.method for route in ROUTES if route.path == path}
    return sorted(found | ({"HEAD"} if "GET" in found else set()) | {"OPTIONS"})
