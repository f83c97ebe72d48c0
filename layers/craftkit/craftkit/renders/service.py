"""The use cases of renders: create, list, cancel, retry and download."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any, Protocol

from craftkit import cursors, storage
from craftkit.auth.principal import Mode, Principal
from craftkit.clock import utc_now
from craftkit.config import config
from craftkit.dynamodb import ConditionFailedError
from craftkit.errors import (
    ConflictError,
    CraftkitError,
    InvalidRequestError,
    Issues,
    NotCancellableError,
    NotFoundError,
    NotReadyError,
    QueueUnavailableError,
    RateLimitedError,
    TooManyRequestsError,
)
from craftkit.ids import new_id
from craftkit.limits import service as limits
from craftkit.limits.concurrency import running
from craftkit.limits.service import Charge
from craftkit.observability import logger
from craftkit.renders import delivery_target, dispatch, inputs, lifecycle, repository
from craftkit.renders.dispatch import StillRunningError
from craftkit.renders.files import ENDINGS, MEDIA_TYPES
from craftkit.renders.finishing import FinishingRequest
from craftkit.renders.finishing_checks import requested_finishing, standard_of
from craftkit.renders.idempotency import check_request, create_once, find_render, idempotency_of
from craftkit.renders.invoices import (
    RequestedInvoice,
    officially_checked,
    pdf_standard_of,
    requested_invoice,
)
from craftkit.renders.models import (
    Render,
    RenderDelivery,
    RenderList,
    RenderPage,
    RenderRequest,
    Source,
)
from craftkit.renders.repository import Idempotency
from craftkit.renders.seals import requested_seal
from craftkit.renders.views import view_of
from craftkit.templates import service as templates
from craftkit.templates.data import validate_data
from craftkit.templates.misspellings import warnings_of_names

ExtraWrites = Callable[[Render], Sequence[dict[str, Any]]]


class Owned(Protocol):
    """What was made in a mode, from a template: a render or a batch."""

    @property
    def mode(self) -> Mode: ...
    @property
    def template_slug(self) -> str: ...


@dataclass(frozen=True)
class Visibility:
    """Which renders and batches of a project a caller may see. Others are answered as not found.

    Attributes:
        mode: the only visible mode; None is both, for the dashboard and operators.
        templates: slugs of the templates whose renders are visible; empty means all.
    """

    mode: Mode | None = None
    templates: frozenset[str] = frozenset()

    @classmethod
    def of(cls, principal: Principal) -> "Visibility":
        return cls(principal.mode, principal.templates)

    def includes(self, found: Owned) -> bool:
        return self.mode in (None, found.mode) and (
            not self.templates or found.template_slug in self.templates
        )


@dataclass(frozen=True)
class NewRender:
    """A render that is not written yet, its validated data, its electronic invoice and its
    finishing."""

    render: Render
    data: dict[str, Any]
    invoice: RequestedInvoice
    finishing: FinishingRequest | None

    def officially_checked(self) -> Render:
        """As `invoices.officially_checked`: without its invoice, its finishing still applies."""
        render = officially_checked(self.render, self.invoice)
        standard = standard_of(render.pdf_standard, self.finishing)
        return render.model_copy(update={"pdf_standard": standard})


EVERYTHING = Visibility()

_ONLY_FAILED = "Only a render that failed can be tried again."


def create_render(
    principal: Principal,
    slug: str,
    request: RenderRequest,
    *,
    base_url: str,
    idempotency_key: str | None = None,
    waits: bool = False,
    source: Source = "api",
    extra_writes: ExtraWrites = lambda _: (),
) -> tuple[Render, bool]:
    """Create a render, or return the one that the same request created before.

    The row is written first, then the render is queued; a render that cannot be queued is deleted.
    With `options.sync` the call waits for the worker, at most 25 seconds.

    Args:
        waits: wait as with `options.sync`; the request stays the same for its idempotency key.
        extra_writes: further writes for the render's transaction. If the condition of one fails,
            the call raises `ConditionFailedError` and nothing is stored.

    Returns:
        The render, and whether this call started it.

    Raises:
        InsufficientScopeError, TemplateNotFoundError, VersionNotFoundError,
        NoPublishedVersionError, InvalidInputDataError, InvalidInvoiceError: the request cannot
            be rendered.
        IdempotencyConflictError: its idempotency key was used for another request.
        RateLimitedError, QuotaExceededError: a limit of the key or its project is reached.
        QueueUnavailableError, ValidatorUnavailableError: nothing was stored; the same request may
            be sent again.
    """
    principal.require_template(slug)
    waits = waits or request.options.sync
    new = new_render(principal, slug, request, base_url=base_url, source=source)
    target = request.options.deliver_to
    if target:
        delivery_target.check_target(target)
    idempotency = idempotency_of(
        idempotency_key or request.job_id, principal.mode, source, slug, request
    )
    try:
        charge = limits.charge(principal, renders=1)
    except TooManyRequestsError:
        # A repeated request that starts no render is answered even if the limits are used up.
        accepted = find_render(principal.project_id, idempotency)
        if accepted is None or accepted.status == "failed":
            raise
        return accepted, False
    with charge.commit_on_success():
        try:
            render = new.officially_checked()
        except CraftkitError:
            charge.refund()
            raise
        row = repository.new_row(render, lifecycle.first_check_at(render))
        if target:
            row |= delivery_target.sealed(render, target)
        row |= inputs.store(render, new.data, row, new.finishing)
        claim = create_once(render, row, idempotency, extra_writes(render))
        if claim and idempotency:
            return _repeat(principal.project_id, claim, idempotency, waits, charge)
        return _set_going(render, idempotency, waits), True


def new_render(
    principal: Principal, slug: str, request: RenderRequest, *, base_url: str, source: Source
) -> NewRender:
    """A render that is not written yet.

    Raises:
        TemplateNotFoundError, VersionNotFoundError, NoPublishedVersionError,
        InvalidInputDataError, InvalidInvoiceError, InvalidRequestError, NotFoundError,
        NotReadyError, SealNotConfiguredError: the request cannot be rendered.
    """
    options = request.options
    version = templates.current_version(principal.project_id, slug, options.version_number)
    data = validate_data(version.manifest, request.data)
    requested = requested_invoice(version, data, options)
    standard = pdf_standard_of(version, options, requested.options)
    seal = requested_seal(version.manifest, options.seal, options.format)
    finishing = requested_finishing(principal, options, standard, is_sealed=seal is not None)
    render = Render(
        project_id=principal.project_id,
        id=new_id(),
        status="queued",
        mode=principal.mode,
        key_id=principal.key_id,
        source=source,
        template_slug=slug,
        version_number=version.number,
        pdf_standard=standard_of(standard, finishing),
        invoice=requested.options,
        seal=seal,
        filename=options.filename or f"{slug}{ENDINGS[MEDIA_TYPES[options.format]][0]}",
        format=options.format,
        pages=options.pages,
        scale=Decimal(str(options.scale or 1)),
        document_date=options.document_date,
        media_type=MEDIA_TYPES[options.format],
        metadata=request.metadata,
        job_id=request.job_id,
        base_url=base_url,
        attempt_limit=lifecycle.ATTEMPTS,
        created_at=(now := utc_now()),
        is_stored=options.store,
        delivery=RenderDelivery() if options.deliver_to else None,
        erase_at=_erase_at(options.expires_in_seconds, now) if options.store else now,
        expires_at=repository.expires_at(now),
        warnings=(*warnings_of_names(version.manifest, request.data), *requested.warnings),
    )
    return NewRender(render, data, requested, finishing)


def _erase_at(seconds: int | None, now: datetime) -> datetime | None:
    """When a render is to be erased before the stage's retention ends.

    Raises:
        InvalidRequestError: the stage keeps nothing for so long.
    """
    longest = config.retention_days * 86400
    if seconds is not None and seconds > longest:
        issue = f"Must be {longest} or less: this stage keeps renders for {longest // 86400} days"
        raise InvalidRequestError(issues=Issues(field_errors={"options.expiresInSeconds": [issue]}))
    return now + timedelta(seconds=seconds) if seconds else None


def _repeat(
    project_id: str,
    claim: dict[str, Any],
    idempotency: Idempotency,
    waits: bool,
    charge: Charge,
) -> tuple[Render, bool]:
    """The render of a claimed idempotency key. A failed one is started again.

    A render that is started again keeps the charge. In any other case the charge is refunded.
    """
    try:
        check_request(claim, idempotency)
        render = get_render(project_id, str(claim["claimed_by"]))
    except CraftkitError:
        charge.refund()
        raise
    again = lifecycle.retry(render, utc_now()) if render.status == "failed" else None
    if again is None:  # it has not failed, or another repeat of this request has started it
        charge.refund()
        return get_render(project_id, render.id), False
    with _failed_as_before(render, again):
        return _start(again, waits), True


@contextmanager
def _failed_as_before(render: Render, again: Render) -> Iterator[None]:
    """Restore the failure of a retried render that cannot be queued."""
    try:
        yield
    except QueueUnavailableError:
        lifecycle.give_up(
            again,
            now=utc_now(),
            code=render.error_code or "internal",
            message=render.error_message or "The render failed.",
        )
        raise


def _set_going(render: Render, idempotency: Idempotency | None, waits: bool) -> Render:
    try:
        return _start(render, waits)
    except QueueUnavailableError:
        if render.source == "form":  # the form was submitted already: the requeuer queues it
            return render
        try:
            repository.discard(render, idempotency)
        except ConditionFailedError:  # a worker has claimed it: the message was sent
            return get_render(render.project_id, render.id)
        raise


def _start(render: Render, waits: bool) -> Render:
    """Render synchronously if `waits`; queue the render if that did not end it."""
    finished = _render_now(render) if waits else None
    if finished is not None:
        return finished
    dispatch.enqueue(render)
    return get_render(render.project_id, render.id) if waits else render


def _render_now(render: Render) -> Render | None:
    """The finished render. None if it must be queued: no worker ended it in time, or the project
    has the maximum of synchronous renders running."""
    work = dispatch.sync_work()
    try:
        with running(work, render.project_id) as lease:
            try:
                return dispatch.call(render)
            except StillRunningError:
                lease.keep()  # the worker is busy until it ends, or until the lease expires
                return None
    except RateLimitedError:
        logger.info("queued: too many synchronous renders", extra={"limit": work.limit})
        return None


def get_render(project_id: str, render_id: str, *, visible: Visibility = EVERYTHING) -> Render:
    """The render.

    Raises:
        NotFoundError: the project has no such render, or the caller may not see it; the response
            is the same.
    """
    render = repository.get(project_id, render_id)
    if render is None or not visible.includes(render) or not render.is_kept_at(utc_now()):
        raise NotFoundError(
            "There is no render with this id in this project and mode. Check the id and the key."
        )
    return render


def get_data(render: Render) -> dict[str, Any]:
    """The validated data of a render.

    Raises:
        NotFoundError: the render is no longer kept.
    """
    item = repository.get_item(render.project_id, render.id)
    if item is None:
        raise NotFoundError
    return inputs.load(item)


def list_renders(
    project_id: str,
    query: RenderList,
    *,
    visible: Visibility = EVERYTHING,
) -> RenderPage:
    """A page of the project's renders, newest first."""
    filters = query.model_dump(mode="json", exclude={"limit", "cursor"}, exclude_none=True)
    scope = f"renders/{project_id}/{visible.mode or ''}/{json.dumps(filters, sort_keys=True)}"
    after = cursors.unseal(query.cursor, scope) if query.cursor else None
    conditions = {
        "status": query.status,
        "mode": visible.mode,
        "template_slug": query.template_slug,
        "key_id": query.key_id,
    }
    renders, last = repository.page(
        project_id,
        limit=query.limit,
        where={name: value for name, value in conditions.items() if value},
        only=visible.templates,
        metadata=query.metadata,
        since=query.from_,
        until=query.to,
        after=after,
    )
    now = utc_now()
    return RenderPage(
        renders=[view_of(render, now) for render in renders],
        next_cursor=cursors.seal(last, scope) if last else None,
    )


def cancel_render(
    project_id: str,
    render_id: str,
    *,
    visible: Visibility = EVERYTHING,
) -> Render:
    """Cancel a render that is still queued.

    Raises:
        NotFoundError: the project has none of this id.
        NotCancellableError: it is no longer queued.
    """
    render = get_render(project_id, render_id, visible=visible)
    cancelled = lifecycle.cancel(render, utc_now())
    if cancelled is None:
        get_render(project_id, render_id)
        raise NotCancellableError
    return cancelled


def retry_render(project_id: str, render_id: str) -> Render:
    """Queue a failed render again, with the same data, as its next attempt.

    The retry is charged to the render's key and to the project.

    Raises:
        NotFoundError: the project has no such render.
        ConflictError: the render has not failed, or was retried at the same time.
        RateLimitedError, QuotaExceededError: a limit of the key or the project is reached.
        QueueUnavailableError: the render stays failed; try again.
    """
    render = get_render(project_id, render_id)
    if render.status != "failed":
        raise ConflictError(_ONLY_FAILED)
    caller = Principal(project_id, render.key_id, render.mode, frozenset())
    charge = limits.charge(caller, renders=1)
    again = lifecycle.retry(render, utc_now())
    if again is None:
        charge.refund()
        raise ConflictError(_ONLY_FAILED)
    with charge.commit_on_success(), _failed_as_before(render, again):
        dispatch.enqueue(again)
    return again


def get_invoice(
    project_id: str, render_id: str, *, visible: Visibility = EVERYTHING
) -> tuple[Render, bytes]:
    """A finished render, and the XML of its electronic invoice.

    Raises:
        NotFoundError: the project has no such render, or the render has no electronic invoice.
        NotReadyError: the render is not finished, or failed.
    """
    render = get_render(project_id, render_id, visible=visible)
    if render.invoice is None:
        raise NotFoundError(
            "This render has no electronic invoice: its template has no invoice mapping, or the "
            "request or its data left the invoice out."
        )
    if render.status != "succeeded":
        raise NotReadyError
    return render, storage.get(render.invoice_key)


def invoice_headers_of(render: Render) -> dict[str, str]:
    """The headers of a response whose body is the electronic invoice."""
    name = f"{PurePosixPath(render.filename).stem}.xml"
    return {
        "Content-Type": "text/xml",
        "Content-Disposition": storage.content_disposition(name),
        "x-craftkit-render-id": render.id,
    }


def download(
    project_id: str,
    render_id: str,
    *,
    visible: Visibility = EVERYTHING,
) -> tuple[Render, str]:
    """A finished render, and a signed URL of its document.

    Raises:
        NotFoundError: the project has no render of this id.
        NotReadyError: the render has no document.
    """
    render = get_render(project_id, render_id, visible=visible)
    url = view_of(render, utc_now()).download_url
    if url is None:
        raise NotReadyError
    return render, url
