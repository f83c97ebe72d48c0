"""POST /v1/templates/{slug}/render."""

from craftkit.auth.principal import RENDERS_WRITE
from craftkit.clock import utc_now
from craftkit.errors import NotReadyError, RenderFailedError
from craftkit.http import Request, Response, endpoint
from craftkit.probes import invocation, item, needs
from craftkit.renders import inline, service, unstored
from craftkit.renders.models import Render, RenderRequest, RenderView
from craftkit.renders.views import unsigned_view_of, view_of


@needs(
    "REQUESTS_TABLE",
    "CONTENT_TABLE",
    "RENDERS_TABLE",
    "RENDER_KEYS_TABLE",
    "LIMITS_TABLE",
    "PROJECT_WRITES_PER_SECOND",
    "DOCUMENTS_BUCKET",
    "RETENTION_DAYS",
    "LIVE_QUEUE_URL",
    "LIVE_WORKER_FUNCTION",
    "SYNC_RENDERS_PER_PROJECT",
    "TEST_QUEUE_URL",
    "VAULT_KEY",
    "PRIVATE_WEBHOOKS",
    "TEST_WORKER_FUNCTION",
    "VALIDATE_FUNCTION",
    reads=(item("CONTENT_TABLE"), invocation("VALIDATE_FUNCTION")),
)
@endpoint
def handler(request: Request) -> Response:
    """202 for a queued render, 200 for a repeat or a finished `sync`, 422 for a failed `sync`.

    With the document's media type in `Accept`: 200 with the document, or 303 if it is large.
    """
    request.principal.require(RENDERS_WRITE)
    body = request.model(RenderRequest)
    wants_document = inline.wants_document(request.accept, body.options.format)
    if not body.options.store:
        inline.require_document(body.options.format, is_wanted=wants_document)
        return _unstored(request, body)
    render, is_new = service.create_render(
        request.principal,
        request.path("slug"),
        body,
        base_url=request.base_url,
        idempotency_key=request.idempotency_key,
        waits=wants_document,
    )
    view = view_of(render, utc_now())
    if (body.options.sync or wants_document) and render.status == "failed":
        shown = view.model_dump(mode="json", by_alias=True)
        raise RenderFailedError(render.error_message, shown)
    if wants_document:
        return _document(render, view)
    return Response(200 if render.is_finished or not is_new else 202, view)


def _unstored(request: Request, body: RenderRequest) -> Response:
    """200 with the document; 422 with the failed render, which cannot be read again."""
    result = unstored.render_unstored(
        request.principal,
        request.path("slug"),
        body,
        base_url=request.base_url,
        idempotency_key=request.idempotency_key,
    )
    render = result.render
    if result.content is None:
        shown = unsigned_view_of(render).model_dump(mode="json", by_alias=True)
        raise RenderFailedError(render.error_message, shown)
    return Response(200, result.content, inline.headers_of(render))


def _document(render: Render, view: RenderView) -> Response:
    """The document, or 202 with the render if it is not finished."""
    if not render.is_finished:
        return Response(202, view)
    if view.download_url is None:
        raise NotReadyError
    content = inline.content_of(render)
    if content is None:
        return Response(303, headers={"Location": view.download_url})
    return Response(200, content, inline.headers_of(render))
