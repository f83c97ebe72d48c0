"""Every public route: what it takes, what it answers, and the scope that it needs.

A test compares this table with `functions/` and template.yaml.
"""

from typing import Literal

from pydantic import BaseModel, RootModel

from craftkit import errors
from craftkit.auth.principal import (
    EMBED_WRITE,
    RENDERS_READ,
    RENDERS_WRITE,
    REQUESTS_READ,
    TEMPLATES_READ,
    TEMPLATES_WRITE,
)
from craftkit.batches.models import (
    BatchList,
    BatchPage,
    BatchRequest,
    BatchView,
    ItemList,
    ItemPage,
)
from craftkit.embed.catalogs.models import CatalogList, CatalogRead, CatalogRequest
from craftkit.embed.catalogs.views import CatalogsView, CatalogView
from craftkit.embed.sessions.models import RefreshRequest, SessionRequest
from craftkit.embed.sessions.views import SessionView
from craftkit.embed.tokens.views import JwksView
from craftkit.hooks.models import HookData
from craftkit.invoices.views import VerdictView
from craftkit.keys.caller import CallerView
from craftkit.keys.models import Exposure
from craftkit.mcp.models import McpAnswer, McpMessage
from craftkit.openapi.route import Route
from craftkit.renders.models import RenderList, RenderPage, RenderRequest, RenderView
from craftkit.requests.models import RequestList, RequestPage
from craftkit.schema import ApiModel
from craftkit.seals.views import PublicVerificationView, VerificationView
from craftkit.templates.views import (
    CreatedVersionView,
    TemplateDetailView,
    TemplateList,
    TemplatesView,
    VersionContentView,
    VersionRequest,
    VersionsView,
)
from craftkit.trust.errors import (
    InvalidDpopProofError,
    InvalidGrantError,
    InvalidScopeError,
    IssuerTemporarilyUnavailableError,
    OAuthError,
    UnsupportedGrantTypeError,
)
from craftkit.trust.oauth import TokenRequest, TokenResponse
from craftkit.usage.models import UsageQuery, UsageView


class HealthView(ApiModel):
    """The answer of `GET /health`."""

    status: Literal["ok"]
    stage: str


class ExposureReport(RootModel[list[Exposure]]):
    """The keys that a secret scanning service found."""


class Finding(BaseModel):
    """What one token is, in the service's own terms. `token_hash` is its SHA-256."""

    token_hash: str
    token_type: str
    label: Literal["true_positive", "false_positive"]


class Findings(RootModel[list[Finding]]):
    """The answer to a report: one entry for each token that is or was a key."""


_LIMITS = (errors.RateLimitedError, errors.QuotaExceededError)
_ACCEPT = {
    "Accept": "The media type of the render's format, such as `application/pdf`: the response is "
    "the document. A document larger than 4.5 MB is a 303 to its signed URL. Without it, or with "
    "`*/*`, the response is the other one of this route."
}
_IDEMPOTENCY = {
    "Idempotency-Key": "At most 200 characters; `jobId` is used where this header is absent. The "
    "same key with the same body returns the render that it made, in its present state; with "
    "another body it is refused with 409. A key belongs to one project and mode, and is kept as "
    "long as its render. A failed render is tried again."
}

_HOOK_HEADERS = _IDEMPOTENCY | {
    "x-craftkit-signature": "HMAC-SHA256 of the raw body under the hook's secret, in lower-case "
    "hex. Checked when present; some hooks require it."
}
_HOOK_TOKEN = {"x-craftkit-hook-token": "The hook's token."}

_BATCH_IDEMPOTENCY = {
    "Idempotency-Key": "At most 200 characters. The same key with the same body returns the batch "
    "that it made, in its present state; with another body it is refused with 409. A key belongs "
    "to one project and mode, and is kept as long as its batch."
}

TAGS = {
    "renders": "Create, read, list, download, cancel and delete renders.",
    "invoices": "Validate electronic invoices.",
    "verify": "Verify documents.",
    "batches": "Render many documents from one template.",
    "templates": "Read the project's templates.",
    "me": "Read what your own key may do.",
    "mcp": "Let an agent list templates and create documents.",
    "requests": "Read what your own key was used for.",
    "usage": "Read how much was rendered.",
    "hooks": "Let third parties trigger renders.",
    "embed": "Open the form or the editor in your own product.",
    "oauth": "Call the API without a stored key.",
    "exposed-keys": "For secret scanning services.",
    "about": "About this API.",
    "webhooks": "Events that are sent to your endpoints.",
}

ROUTES: tuple[Route, ...] = (
    Route(
        "POST",
        "/v1/templates/{slug}/render",
        "create_render",
        "Create a render",
        {202: RenderView, 200: RenderView, 303: None},
        scope=RENDERS_WRITE,
        body=RenderRequest,
        headers=_ACCEPT | _IDEMPOTENCY,
        documents=True,
        errors=(
            errors.InvalidInputDataError,
            errors.InvalidInvoiceError,
            errors.TemplateNotFoundError,
            errors.VersionNotFoundError,
            errors.NoPublishedVersionError,
            errors.IdempotencyConflictError,
            errors.NotReadyError,
            errors.QueueUnavailableError,
            errors.RenderFailedError,
            errors.ValidatorUnavailableError,
            *_LIMITS,
        ),
        description="202: the render is queued; read `pollUrl` until `status` is final. 200: the "
        "same idempotent request was sent before, or `options.sync` waited for the document. 422 "
        "`render_failed`: `options.sync` waited and the render failed. `sync` waits at most 25 s, "
        "then answers 202. The connection ends after 29 s at the latest, with 504. With the "
        "document's media type in `Accept`, the call waits as with `sync` and 200 is the document; "
        "errors and 202 stay JSON. With `options.store` false as well, nothing of the request is "
        "kept, and the answer is the document or an error.",
    ),
    Route(
        "GET",
        "/v1/renders",
        "list_renders",
        "List renders",
        {200: RenderPage},
        scope=RENDERS_READ,
        query=RenderList,
        errors=(errors.InvalidCursorError,),
        description="The renders of the key's mode, and of its templates where it is restricted "
        "to some; newest first. All filters must match. A page can be short and still have a "
        "`nextCursor`: a filter reads at most 2,000 renders for one page.",
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
        {200: None, 302: None, 303: None},
        scope=RENDERS_READ,
        headers=_ACCEPT,
        documents=True,
        errors=(errors.NotFoundError, errors.NotReadyError),
        description="Redirects to a signed URL of the document, valid for a few minutes. The URL "
        "supports `Range`. With the document's media type in `Accept`, 200 is the document.",
    ),
    Route(
        "GET",
        "/v1/renders/{id}/invoice.xml",
        "get_invoice",
        "Download a render's electronic invoice",
        {200: None},
        scope=RENDERS_READ,
        media_type="text/xml",
        errors=(errors.NotFoundError, errors.NotReadyError),
        description="The XML of a render whose template has an invoice mapping. It is the file "
        "that is attached to a Factur-X PDF.",
    ),
    Route(
        "POST",
        "/v1/invoices/validate",
        "validate_invoice",
        "Validate an electronic invoice",
        {200: VerdictView},
        scope=RENDERS_READ,
        file="An invoice as XML (CII or UBL), or a PDF that holds one; at most 4 MiB.",
        errors=(errors.InvalidInvoiceError, errors.PayloadTooLargeError, errors.RateLimitedError),
        description="Checks schema and official rules of the standard that the invoice names. "
        "Nothing is rendered or stored. Warnings of the rules are left out.",
    ),
    Route(
        "POST",
        "/v1/verify",
        "verify_document",
        "Verify a document",
        {200: VerificationView},
        scope=RENDERS_READ,
        file="A PDF document; at most 4 MiB.",
        errors=(
            errors.UnreadableDocumentError,
            errors.PayloadTooLargeError,
            errors.RateLimitedError,
        ),
        description="Says whether a render of the key's project and mode made exactly these "
        "bytes, who sealed the document, whether it was changed since, and what the invoice inside "
        "says. Nothing is stored.",
    ),
    Route(
        "GET",
        "/verify",
        "verify_page",
        "Open the page that verifies a document",
        {200: None},
        operation="open_verify_page",
        media_type="text/html",
    ),
    Route(
        "POST",
        "/verify",
        "verify_page",
        "Verify a document without a key",
        {200: PublicVerificationView},
        operation="verify_public_document",
        file="A PDF document; at most 4 MiB.",
        errors=(errors.UnreadableDocumentError, errors.PayloadTooLargeError),
        description="What the public page calls. Says what the document itself says, and nothing "
        "about renders. At most 5 requests a second for everybody together.",
    ),
    Route(
        "POST",
        "/v1/renders/{id}/cancel",
        "cancel_render",
        "Cancel a queued render",
        {200: RenderView},
        scope=RENDERS_WRITE,
        errors=(errors.NotFoundError, errors.NotCancellableError),
    ),
    Route(
        "DELETE",
        "/v1/renders/{id}",
        "delete_render",
        "Delete a render",
        {204: None},
        scope=RENDERS_WRITE,
        errors=(errors.NotFoundError,),
        description="Erases the document, the data, the metadata and the file name, and the "
        "webhook deliveries that hold them. A render that is not finished is cancelled first. "
        "Usage still counts it. The second time is 404.",
    ),
    Route(
        "POST",
        "/v1/batches",
        "create_batch",
        "Create a batch",
        {202: BatchView, 200: BatchView},
        scope=RENDERS_WRITE,
        body=BatchRequest,
        headers=_BATCH_IDEMPOTENCY,
        errors=(
            errors.TemplateNotFoundError,
            errors.VersionNotFoundError,
            errors.NoPublishedVersionError,
            errors.IdempotencyConflictError,
            *_LIMITS,
        ),
        description="Renders up to 1,000 items from one template; the body has at most 4 MiB. With "
        "`upload` in place of `items`, up to 100,000 rows: PUT the file to `uploadUrl` within 15 "
        "minutes, then start the batch. The data of every item is checked before anything is "
        "charged. With `onInvalid: refuse`, one item that does not fit refuses the batch; with "
        "`skip`, the others are rendered. A budget takes all of the documents, or none: "
        "429 `quota_exceeded`. Read `pollUrl` until `status` is final. 200: the same idempotent "
        "request was sent before.",
    ),
    Route(
        "GET",
        "/v1/batches",
        "list_batches",
        "List batches",
        {200: BatchPage},
        scope=RENDERS_READ,
        query=BatchList,
        errors=(errors.InvalidCursorError,),
        description="The batches of the key's mode, and of its templates where it is restricted to "
        "some; newest first.",
    ),
    Route(
        "GET",
        "/v1/batches/{id}",
        "get_batch",
        "Read a batch",
        {200: BatchView},
        scope=RENDERS_READ,
        errors=(errors.NotFoundError,),
        description="`counts.succeeded` and `counts.failed` grow while `status` is `running`.",
    ),
    Route(
        "GET",
        "/v1/batches/{id}/items",
        "list_batch_items",
        "List the documents of a batch",
        {200: ItemPage},
        scope=RENDERS_READ,
        query=ItemList,
        errors=(errors.NotFoundError, errors.InvalidCursorError),
        description="Each with its status. A succeeded one has a `downloadUrl` that is valid for a "
        "few minutes; an invalid one has `issues` by the path in its data. Invalid ones are last.",
    ),
    Route(
        "POST",
        "/v1/batches/{id}/start",
        "start_batch",
        "Start a batch whose file was uploaded",
        {202: BatchView},
        scope=RENDERS_WRITE,
        errors=(
            errors.NotFoundError,
            errors.ConflictError,
            errors.NotReadyError,
            errors.PayloadTooLargeError,
        ),
        description="Checks every row of the file, then charges and renders the valid ones. Poll "
        "until `status` is `running`, or `refused`. Starting it again changes nothing.",
    ),
    Route(
        "POST",
        "/v1/batches/{id}/cancel",
        "cancel_batch",
        "Cancel a batch",
        {200: BatchView},
        scope=RENDERS_WRITE,
        errors=(errors.NotFoundError, errors.NotCancellableError),
        description="Documents that are being rendered may still succeed; the others never start.",
    ),
    Route(
        "POST",
        "/v1/batches/{id}/retry",
        "retry_batch",
        "Retry the failed documents of a batch",
        {202: BatchView},
        scope=RENDERS_WRITE,
        errors=(errors.NotFoundError, errors.ConflictError, *_LIMITS),
        description="Renders the failed documents of a completed batch again, with the same data "
        "and the same version. They are charged like new ones.",
    ),
    Route(
        "GET",
        "/v1/templates",
        "list_templates",
        "List templates",
        {200: TemplatesView},
        scope=TEMPLATES_READ,
        query=TemplateList,
        errors=(errors.InvalidCursorError,),
    ),
    Route(
        "GET",
        "/v1/templates/{slug}",
        "get_template",
        "Read a template",
        {200: TemplateDetailView},
        scope=TEMPLATES_READ,
        errors=(errors.TemplateNotFoundError,),
    ),
    Route(
        "GET",
        "/v1/templates/{slug}/versions",
        "list_template_versions",
        "List a template's versions, newest first",
        {200: VersionsView},
        scope=TEMPLATES_READ,
        errors=(errors.TemplateNotFoundError,),
        description="The newest hundred. `latestVersion` is the version that renders use.",
    ),
    Route(
        "POST",
        "/v1/templates/{slug}/versions",
        "create_template_version",
        "Create a template's next version",
        {201: CreatedVersionView},
        scope=TEMPLATES_WRITE,
        body=VersionRequest,
        errors=(errors.ConflictError,),
        description="The first version creates the template. The source is compiled with the "
        "manifest's preview data, and refused where it does not compile. No API key has the scope "
        "`templates:write`: only a token of `POST /v1/oauth/token` can.",
    ),
    Route(
        "GET",
        "/v1/templates/{slug}/versions/{number}",
        "get_template_version",
        "Read a version with its source",
        {200: VersionContentView},
        scope=TEMPLATES_READ,
        errors=(errors.TemplateNotFoundError, errors.VersionNotFoundError),
        description="Manifest, source and settings, as they were sent or written.",
    ),
    Route(
        "POST",
        "/v1/templates/{slug}/versions/{number}/publish",
        "publish_template_version",
        "Publish a version, or roll back to one",
        {200: CreatedVersionView},
        scope=TEMPLATES_WRITE,
        errors=(
            errors.TemplateNotFoundError,
            errors.VersionNotFoundError,
            errors.ConflictError,
        ),
        description="Renders use the version from the next request on. Doing it twice changes "
        "nothing.",
    ),
    Route(
        "GET",
        "/v1/me",
        "get_me",
        "Read your own key",
        {200: CallerView},
        needs_key=True,
        description="The key that makes the request, and what is left of the limits that its "
        "requests count against. Any key may call it, and it counts against no limit.",
    ),
    Route(
        "POST",
        "/v1/mcp",
        "answer_mcp",
        "Call a tool as an agent",
        {200: McpAnswer, 202: None},
        body=McpMessage,
        needs_key=True,
        headers={"MCP-Protocol-Version": "The version that both sides agreed on."},
        errors=(errors.RateLimitedError,),
        description="The Model Context Protocol over streamable HTTP, without sessions: one "
        "message of JSON-RPC in, one out. A notification is 202 without a body. Any key may call "
        "it; each tool needs the scope of its route, and a refusal of the route is the tool's "
        "result with `isError`. See the clients page.",
    ),
    Route(
        "GET",
        "/v1/requests",
        "list_requests",
        "List requests",
        {200: RequestPage},
        scope=REQUESTS_READ,
        query=RequestList,
        errors=(errors.InvalidCursorError,),
        description="The requests that were made with this key, newest first, within five seconds. "
        "All filters must match. `code` and `fix` say why a request was refused and what to do. "
        "Headers, queries and bodies are not stored. A page can be short and still have a "
        "`nextCursor`: a filter reads at most 2,000 requests for one page.",
    ),
    Route(
        "GET",
        "/v1/usage",
        "get_usage",
        "Read usage",
        {200: UsageView},
        scope=RENDERS_READ,
        query=UsageQuery,
        description="Succeeded renders of the key's mode by UTC day and key; of its templates "
        "where it is restricted to some. Each render is counted once, within a minute of its end. "
        "Live renders are billable. Default: the last 30 days.",
    ),
    Route(
        "POST",
        "/v1/hooks",
        "receive_hook",
        "Trigger an inbound hook",
        {202: RenderView},
        body=HookData,
        headers=_HOOK_TOKEN | _HOOK_HEADERS,
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
        description="Renders the hook's template with the body as its data. The token takes the "
        "place of an API key; the render belongs to the hook's key.",
    ),
    Route(
        "POST",
        "/v1/hooks/{token}",
        "receive_hook",
        "Trigger an inbound hook by its URL",
        {202: RenderView},
        body=HookData,
        headers=_HOOK_HEADERS,
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
        description="For senders that cannot set a header: the token is the last part of the path. "
        "Otherwise the same as `POST /v1/hooks`.",
        operation="receive_hook_by_url",
    ),
    Route(
        "POST",
        "/v1/embed/sessions",
        "create_embed_session",
        "Create an embed session",
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
        description="`iframe_url` opens the page. `renew_token` works once, within a week. The "
        "modes `edit` and `create` also need the scope `embed:edit`.",
    ),
    Route(
        "POST",
        "/v1/embed/sessions/refresh",
        "refresh_embed_session",
        "Refresh an embed session",
        {200: SessionView},
        scope=EMBED_WRITE,
        body=RefreshRequest,
        errors=(errors.PartnerSuspendedError, errors.RefreshFailedError),
        description="Each renew token works once: of two calls with the same one, one is refused.",
    ),
    Route(
        "DELETE",
        "/v1/embed/sessions/{id}",
        "revoke_embed_session",
        "Revoke an embed session",
        {204: None},
        scope=EMBED_WRITE,
        errors=(errors.PartnerSuspendedError, errors.NotFoundError),
        description="The session's next request is refused. Revoking it again changes nothing.",
    ),
    Route(
        "POST",
        "/v1/embed/catalogs",
        "publish_catalog",
        "Publish a catalog",
        {201: CatalogView},
        scope=EMBED_WRITE,
        body=CatalogRequest,
        errors=(errors.PartnerSuspendedError, errors.ConflictError),
    ),
    Route(
        "GET",
        "/v1/embed/catalogs",
        "list_catalogs",
        "List catalogs",
        {200: CatalogsView},
        scope=EMBED_WRITE,
        query=CatalogList,
        errors=(errors.PartnerSuspendedError, errors.InvalidCursorError),
    ),
    Route(
        "GET",
        "/v1/embed/catalogs/{name}",
        "get_catalog",
        "Read a catalog",
        {200: CatalogView},
        scope=EMBED_WRITE,
        query=CatalogRead,
        errors=(errors.PartnerSuspendedError, errors.CatalogNotFoundError),
    ),
    Route(
        "GET",
        "/.well-known/jwks.json",
        "get_jwks",
        "Read the public signing keys",
        {200: JwksView},
    ),
    Route(
        "POST",
        "/v1/oauth/token",
        "exchange_token",
        "Exchange an OIDC token for a short-lived key",
        {200: TokenResponse},
        form=TokenRequest,
        errors=(
            OAuthError,
            UnsupportedGrantTypeError,
            InvalidGrantError,
            InvalidDpopProofError,
            InvalidScopeError,
            IssuerTemporarilyUnavailableError,
        ),
        description="OAuth 2.0 token exchange (RFC 8693). `audience` is the project's id. "
        "`access_token` is a key that expires after at most 15 minutes and cannot be renewed. Each "
        "OIDC token is accepted once. A DPoP proof (RFC 9449) in the header `DPoP` binds the key "
        "to the proof's public key. Errors have OAuth's form.",
    ),
    Route(
        "POST",
        "/v1/exposed-keys",
        "report_exposed_keys",
        "Report exposed keys",
        {200: Findings},
        body=ExposureReport,
        errors=(errors.InvalidSignatureError, errors.ScannerKeysUnavailableError),
        headers={
            "github-public-key-identifier": "Which of the service's keys signed the raw body.",
            "github-public-key-signature": "Its ECDSA signature, base64.",
        },
        description="For secret scanning services, in the form that GitHub uses.",
    ),
    Route("GET", "/health", "get_health", "Check the service", {200: HealthView}),
    Route("GET", "/v1/openapi.json", "get_openapi", "Read this document", {200: None}),
)


def methods_of(path: str) -> list[str]:
    """The methods that a path supports: with each GET a HEAD, and always OPTIONS."""
    found = {route.method for route in ROUTES if route.path == path}
    return sorted(found | ({"HEAD"} if "GET" in found else set()) | {"OPTIONS"})
