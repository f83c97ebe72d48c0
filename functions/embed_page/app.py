"""The embedded page: its HTML, its files, and the calls that its script makes for a session.

API Gateway matches the route; `ROUTES` names the answer to each. A token that a partner signed is
exchanged by another function, which alone behind the page can sign.
"""

from collections.abc import Callable

from craftkit.clock import to_rfc3339, utc_now
from craftkit.config import config
from craftkit.embed.page import editing, forms, service
from craftkit.embed.page.access import authenticate, opening_of
from craftkit.embed.page.html import asset, asset_headers, nothing_to_open, page_of
from craftkit.embed.page.models import (
    DocumentRequest,
    DraftRequest,
    FormPreviewRequest,
    FormSubmission,
    TemplateContent,
    TemplatePreviewRequest,
)
from craftkit.embed.page.preview import preview_answer
from craftkit.http import Request, Response, endpoint
from craftkit.probes import invocation, item, needs, query, update
from craftkit.renders.views import view_of


def get_embed_page(request: Request) -> Response:
    """The page, in a frame that only the partner's sites may hold."""
    token = request.parameters.get("session_token", "")
    page = page_of(opening_of(token)) if token else nothing_to_open()
    return Response(page.status, page.html, page.headers)


def get_embed_asset(request: Request) -> Response:
    """A file of the page, or the script that partners load."""
    name = request.last_segment
    found = asset(name)
    is_pinned = found.tag in request.parameters
    return Response(200, found.compressed, asset_headers(name, found, is_pinned=is_pinned))


def open_embed_session(request: Request) -> Response:
    """What the page shows."""
    return Response(200, service.open_embed_session(authenticate(request)))


def preview_embed_form(request: Request) -> Response:
    """The document of a form or a view, as images."""
    visitor = authenticate(request)
    drawn = forms.preview_embed_form(
        visitor, request.model(FormPreviewRequest, forms.BODY_LIMIT_BYTES)
    )
    replaced = {"replaced": drawn.replaced} if drawn.replaced else {}
    return Response(200, {**preview_answer(drawn.pages), **replaced})


def submit_embed_form(request: Request) -> Response:
    """The document of a filled form."""
    visitor = authenticate(request)
    submission = request.model(FormSubmission, forms.BODY_LIMIT_BYTES)
    render = forms.submit_embed_form(visitor, submission, base_url=config.api_url)
    return Response(201, view_of(render, utc_now()))


def get_embed_document(request: Request) -> Response:
    """A document that this session made, or was opened to show."""
    visitor = authenticate(request)
    render = forms.get_embed_document(visitor, request.model(DocumentRequest))
    return Response(200, view_of(render, utc_now()))


def preview_embed_template(request: Request) -> Response:
    """A template that is being written, as images."""
    visitor = authenticate(request)
    drawn = editing.preview_embed_template(visitor, request.model(TemplatePreviewRequest))
    return Response(200, {**preview_answer(drawn.pages), "source": drawn.source})


def save_embed_draft(request: Request) -> Response:
    """Keep a template as it is written now."""
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
    "LIMITS_TABLE",
    "PROJECT_WRITES_PER_SECOND",
    "DOCUMENTS_BUCKET",
    "RETENTION_DAYS",
    "API_URL",
    "COMPILE_FUNCTION",
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
    ),
)
@endpoint
def handler(request: Request) -> Response:
    return ROUTES[request.route](request)
