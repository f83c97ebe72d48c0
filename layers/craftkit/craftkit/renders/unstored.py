"""Renders with `options.store` false: the data goes to the worker in its invocation, the document
is returned in the response, and a row without content is stored for usage.

The row is written after the document was made and before it is returned: a render is counted once,
and none is counted that failed. A repeat under the same idempotency key renders the request again,
as the same render, and is not counted again.
"""

from dataclasses import replace

from craftkit.auth.principal import Principal
from craftkit.clock import utc_now
from craftkit.errors import QueueUnavailableError
from craftkit.limits import service as limits
from craftkit.limits.concurrency import running
from craftkit.renders import dispatch, repository
from craftkit.renders.dispatch import SYNC_WAIT_SECONDS, StillRunningError
from craftkit.renders.erasure import without_content
from craftkit.renders.idempotency import check_request, create_once, find_render, idempotency_of
from craftkit.renders.models import Render, RenderRequest, UnstoredJob, UnstoredResult
from craftkit.renders.service import NewRender, new_render

_NO_WORKER = (
    "No worker took the render, and a render with `options.store` false cannot be queued. "
    "Nothing was stored. Send the request again."
)
_TOO_SLOW = (
    f"The render took longer than {SYNC_WAIT_SECONDS} seconds, and with `options.store` false "
    "there is no later document. Send the request without `options.store`."
)


def render_unstored(
    principal: Principal,
    slug: str,
    request: RenderRequest,
    *,
    base_url: str,
    idempotency_key: str | None = None,
) -> UnstoredResult:
    """Render a request and return its document, or the failed render.

    Raises:
        InsufficientScopeError, TemplateNotFoundError, VersionNotFoundError,
        NoPublishedVersionError, InvalidInputDataError, InvalidInvoiceError: the request cannot
            be rendered.
        IdempotencyConflictError: its idempotency key was used for another request.
        RateLimitedError, QuotaExceededError: a limit of the key or its project is reached, or the
            project has the maximum of synchronous renders running.
        QueueUnavailableError: no worker took it. Nothing was charged.
    """
    principal.require_template(slug)
    new = new_render(principal, slug, request, base_url=base_url, source="api")
    idempotency = idempotency_of(
        idempotency_key or request.job_id, principal.mode, "api", slug, request
    )
    earlier = find_render(principal.project_id, idempotency)
    if earlier is not None:
        limits.charge(principal, renders=0)
        return _render_again(earlier, principal, slug, request)
    charge = limits.charge(principal, renders=1)
    try:
        result = _render(replace(new, render=new.officially_checked()))
        if result.content is None:  # failed: it stays charged, like every render that fails
            return result
        kept = without_content(result.render)
        claim = create_once(kept, repository.finished_row(kept), idempotency)
    except Exception:
        charge.refund()
        raise
    if claim is None or idempotency is None:
        return result
    # The same idempotency key was used at the same time.
    charge.refund()
    check_request(claim, idempotency)
    earlier = repository.get(principal.project_id, str(claim["claimed_by"]))
    return _render_again(earlier, principal, slug, request) if earlier else result


def _render_again(
    earlier: Render, principal: Principal, slug: str, request: RenderRequest
) -> UnstoredResult:
    """The document of an earlier render, from the same request: same id, version and date."""
    options = request.options.model_copy(update={"version_number": earlier.version_number})
    request = request.model_copy(update={"options": options})
    new = new_render(principal, slug, request, base_url=earlier.base_url, source="api")
    same = {"id": earlier.id, "created_at": earlier.created_at}
    return _render(replace(new, render=new.render.model_copy(update=same)))


def _render(new: NewRender) -> UnstoredResult:
    render = new.render
    with running(dispatch.sync_work(), render.project_id) as lease:
        try:
            result = dispatch.call_unstored(
                UnstoredJob(render=render, data=new.data, finishing=new.finishing)
            )
        except StillRunningError:
            lease.keep()  # the worker is busy until it ends; its response is dropped
            return UnstoredResult.failed(render, utc_now(), "render_timeout", _TOO_SLOW)
    if result is None:
        raise QueueUnavailableError(_NO_WORKER)
    return result
