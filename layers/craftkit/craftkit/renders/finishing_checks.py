"""Checks the finishing of a requested render before it is charged.

What only the content of a file can show is checked by the worker, in its sandbox.
"""

from collections.abc import Iterator

from craftkit.auth.principal import RENDERS_READ, Principal
from craftkit.clock import utc_now
from craftkit.errors import InvalidRequestError, Issues, NotFoundError, NotReadyError
from craftkit.renders import repository
from craftkit.renders.finishing import PLAIN, FinishingOptions, FinishingRequest
from craftkit.templates.letterheads import find_letterhead
from craftkit.typesetter import DEFAULT_PDF_STANDARD

_NO_RENDER = "There is no render of this id in this project"
_NOT_READY = "This render has no document yet, or never gets one"
_NO_PDF = "This render is not a PDF"
_LEVELS = ("b", "a")


def requested_finishing(
    principal: Principal, options: FinishingOptions, standard: str, *, is_sealed: bool
) -> FinishingRequest | None:
    """The finishing that the options request.

    Args:
        standard: what the PDF conforms to without it.
        is_sealed: whether the PDF is sealed at last.

    Raises:
        InsufficientScopeError: a render is appended by a key that may not read renders.
        InvalidRequestError: the project has no such letterhead, or the standard forbids a part.
        NotFoundError: there is no such render to append, or the caller may not see it.
        NotReadyError: a render to append has no document.
    """
    if not options.has_finishing:
        return None
    if any(each.render_id is not None for each in options.append):
        principal.require(RENDERS_READ)
    request = FinishingRequest(
        append=options.append,
        append_standards=tuple(_standards_of(principal, options)),
        attachments=options.attachments,
        password=options.password,
    )
    standard = standard_of(standard, request)
    if options.password and standard.startswith("a-"):
        raise _refusal(
            "options.password",
            f"PDF/A forbids encryption, and this document conforms to {standard}. Send no "
            "password, or publish the template with the standard 1.7 or ua-1",
        )
    if options.password and is_sealed:
        message = "A sealed document cannot have a password. Send `seal` false, or no password"
        raise _refusal("options.password", message)
    if options.letterhead is None:
        return request
    letterhead = find_letterhead(principal.project_id, options.letterhead)
    if letterhead is None:
        raise _refusal("options.letterhead", "This project has no letterhead of this name")
    if letterhead.faults and standard.startswith("a-"):
        raise _refusal(
            "options.letterhead",
            f"PDF/A forbids this letterhead, and the document conforms to {standard}: "
            + "; ".join(letterhead.faults),
        )
    return request.model_copy(update={"letterhead_key": letterhead.key})


def standard_of(standard: str, request: FinishingRequest | None) -> str:
    """What a PDF of this standard conforms to after its finishing.

    PDF/A-2 allows no attachments other than PDF/A; PDF/A-3 does. A document whose appended parts
    conform to less conforms to no more than they do.
    """
    if request is None:
        return standard
    part, level, is_accessible = _parse(standard)
    for each in request.append_standards:
        _, other, accessible = _parse(each)
        level = min(level, other, key=lambda name: _LEVELS.index(name) if name else -1)
        is_accessible = is_accessible and accessible
    if request.attachments:
        part = "3"
    if not level:
        return "ua-1" if is_accessible else PLAIN
    suffix = "+ua-1" if is_accessible and level == "a" else ""
    return f"a-{part}{level}{suffix}"


def _parse(standard: str) -> tuple[str, str, bool]:
    """Part and level of PDF/A, empty without it; and whether it is PDF/UA."""
    archive, _, _ = standard.partition("+")
    is_accessible = standard.endswith("ua-1")
    if archive.startswith("a-"):
        return archive[2], archive[3], is_accessible
    return "2", "", is_accessible


def _standards_of(principal: Principal, options: FinishingOptions) -> Iterator[str]:
    """What each appended PDF conforms to. Nothing is known of files from outside."""
    for number, each in enumerate(options.append):
        if each.render_id is None:
            yield PLAIN
            continue
        field = f"options.append.{number}.renderId"
        render = repository.get(principal.project_id, each.render_id)
        if (
            render is None
            or render.mode != principal.mode
            or (principal.templates and render.template_slug not in principal.templates)
            or not render.is_kept_at(utc_now())
        ):
            raise NotFoundError(_NO_RENDER + ".", issues=_issues(field, _NO_RENDER))
        if render.status != "succeeded":
            raise NotReadyError(issues=_issues(field, _NOT_READY))
        if render.format != "pdf":
            raise _refusal(field, _NO_PDF)
        # The seal's field is drawn onto its page, and the tags do not know it any more.
        yield PLAIN if render.seal else render.pdf_standard or DEFAULT_PDF_STANDARD


def _issues(field: str, message: str) -> Issues:
    return Issues(field_errors={field: [message]})


def _refusal(field: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(issues=_issues(field, message))
