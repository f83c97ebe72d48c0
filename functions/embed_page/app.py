"""The embedded page: its HTML, its assets, and the requests of its script.

API Gateway matches the route; `ROUTES` maps it to a function. `exchange_embed_token` is a separate
function, because only it has the right to sign tokens.
"""

from collections.abc import Callable

from craftkit.clock import to_rfc3339, utc_now
from craftkit.config import config
from craftkit.embed.page import editing, forms, service
from craftkit.embed.page.access import authenticate, opening_of
from craftkit.embed.page.html import asset, asset_headers, page_of, page_without_token
from craftkit.embed.page.models import (
    DocumentRequest,
    DraftRequest,
    FormPreviewRequest,
    FormSubmission,
    TemplateContent,
    TemplatePreviewRequest,
)
from craftkit.embed.page.preview import preview_response
from craftkit.http import Request, Response, endpoint
from craftkit.probes import invocation, item, needs, query, update
from craftkit.renders.views import view_of


def get_embed_page(request: Request) -> Response:
    """The page, with headers that let only the partner's origins frame it."""
    token = request.parameters.get("session_token", "")
    page = page_of(opening_of(token)) if token else page_without_token()
    return Response(page.status, page.html, page.headers)


def get_embed_asset(request: Request) -> Response:
    """A file of the page, or the script that partners load."""
    name = request.last_segment
    found = asset(name)
    is_pinned = found.tag in request.parameters
    return Response(200, found.compressed, asset_headers(name, found, is_pinned=is_pinned))


def open_embed_session(request: Request) -> Response:
    """The session and the template that the page shows."""
    return Response(200, service.open_embed_session(authenticate(request)))


def preview_embed_form(request: Request) -> Response:
    """The document of a `fill` or `view` session as images."""
    visitor = authenticate(request)
    drawn = forms.preview_embed_form(
        visitor, request.model(FormPreviewRequest, forms.BODY_LIMIT_BYTES)
    )
    replaced = {"replaced": drawn.replaced} if drawn.replaced else {}
    return Response(200, {**preview_response(drawn.pages), **replaced})


def submit_embed_form(request: Request) -> Response:
    """The render of a submitted form."""
    visitor = authenticate(request)
    submission = request.model(FormSubmission, forms.BODY_LIMIT_BYTES)
    render = forms.submit_embed_form(visitor, submission, base_url=config.api_url)
    return Response(201, view_of(render, utc_now()))


def get_embed_document(request: Request) -> Response:
    """A document that the session has created or was opened to view."""
    visitor = authenticate(request)
    render = forms.get_embed_document(visitor, request.model(DocumentRequest))
    return Response(200, view_of(render, utc_now()))


def preview_embed_template(request: Request) -> Response:
    """A template in the editor as images."""
    visitor = authenticate(request)
    drawn = editing.preview_embed_template(visitor, request.model(TemplatePreviewRequest))
    return Response(200, {**preview_response(drawn.pages), "source": drawn.source})


def save_embed_draft(request: Request) -> Response:
    """Save a template as a draft."""
    visitor = authenticate(request)
    draft = editing.save_embed_draft(visitor, request.model(DraftRequest))
    saved_at = to_rfc3339(draft.saved_at)
    return Response(200, {"slug": draft.slug, "revision": draft.revision, "savedAt": saved_at})


def publish_embed_template(request: Request) -> Response:
    """Publish the template's next version."""
    visitor = authenticate(request)
    version = editing.publish_embed_template(visitor, request.model(TemplateContent))
    return Response(201, {"slug": version.slug, "versionNumber": version.number})


ROUTES: dict[str, Callable[[Request], Response]] = {
    "/embed": get_embed_page,
    "/embed/embed.js": get_embed_asset,
    "/embed/assets/{name}": get_embed_asset,
    "/embed/api/session": open_embed_session,
    "/embed/api/preview": preview_embed_form,
    "/embed/api/submit": submit_embed_form,
    "/embed/api/document": get_embed_document,
    "/embed/api/template/preview": preview_embed_template,
    "/embed/api/template/draft": save_embed_draft,
    "/embed/api/template/publish": publish_embed_template,
}


@needs(
    "KEYS_TABLE",
    "EMBED_KEYS_TABLE",
    "EMBED_SESSIONS_TABLE",
    "PROJECTS_TABLE",
    "CONTENT_TABLE",
    "AUDIT_TABLE",
    "RENDERS_TABLE",
    "RENDER_KEYS_TABLE",
    "LIMITS_TABLE",
    "PROJECT_WRITES_PER_SECOND",
    "DOCUMENTS_BUCKET",
    "RETENTION_DAYS",
    "API_URL",
    "COMPILE_FUNCTION",
    "VALIDATE_FUNCTION",
    "EMBED_ALLOWS_LOOPBACK",
    "LIVE_QUEUE_URL",
    "LIVE_WORKER_FUNCTION",
    "PREVIEWS_PER_PROJECT",
    "PREVIEWS_PER_SECOND",
    "SYNC_RENDERS_PER_PROJECT",
    "TEST_QUEUE_URL",
    "TEST_WORKER_FUNCTION",
    reads=(
        item("KEYS_TABLE"),
        item("EMBED_KEYS_TABLE"),
        item("EMBED_SESSIONS_TABLE"),
        item("PROJECTS_TABLE"),
        query("CONTENT_TABLE"),
        update("LIMITS_TABLE"),
        invocation("COMPILE_FUNCTION"),
        invocation("VALIDATE_FUNCTION"),
    ),
)
@endpoint
def handler(request: Request) -> Response:
    return ROUTES[request.route](request)
