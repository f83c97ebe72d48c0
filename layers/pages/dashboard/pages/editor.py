"""The editor of a template: manifest, source and preview data, with a live preview."""

import json
import secrets
from dataclasses import dataclass, replace
from typing import Any, get_args

from craftkit.errors import (
    CraftkitError,
    InvalidInputDataError,
    InvalidRequestError,
    Issues,
    NotFoundError,
    RateLimitedError,
)
from craftkit.remote_typesetter import preview_remotely, typeset_remotely
from craftkit.templates import data, drafts, previews, publishing
from craftkit.templates import service as templates
from craftkit.templates.models import DataType, read_manifest
from craftkit.templates.publishing import DoesNotCompileError
from craftkit.typesetter import PdfStandard, Preview, TypesettingError
from dashboard.compilations import bounded
from dashboard.manifest_table import Row, manifest_of, rows_in, rows_of
from dashboard.prelude import WORDS
from dashboard.request_context import RequestContext
from dashboard.web import Response


@dataclass(frozen=True)
class Work:
    """The content of the editor's form. `data` and `invoice` are text: they can be invalid JSON."""

    name: str
    locale: str
    pdf_standard: str
    revision: int
    rows: list[Row]
    source: str
    data: str
    invoice: str

    @property
    def values(self) -> dict[str, Any]:
        """The preview data.

        Raises:
            InvalidRequestError: it is not a JSON object.
        """
        return _object(self.data, "data", "The preview data")

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest as JSON.

        Raises:
            InvalidRequestError: the preview data or the invoice mapping is not a JSON object.
        """
        manifest = manifest_of(self.rows, self.values)
        if self.invoice.strip():
            manifest["invoice"] = _object(self.invoice, "invoice", "The invoice mapping")
        return manifest


def edit(context: RequestContext) -> Response:
    return _editor(context, _opened(context))


def preview(context: RequestContext) -> Response:
    """The pages of the form's content, or the first problem and its line."""
    work = _sent(context)
    problem: dict[str, Any] | None = None
    shown: Preview | None = None
    try:
        shown = previews.preview(
            work.manifest, work.source, work.values,
            name=work.name, locale=work.locale, draw=bounded(context, preview_remotely),
            pdf_standard=work.pdf_standard,  # type: ignore[arg-type]  # validated by preview
            project_id=context.project.id,
        )  # fmt: skip
    except TypesettingError as error:
        problem = {"message": str(error), "line": error.line, "column": error.column}
    except (InvalidRequestError, InvalidInputDataError, RateLimitedError) as error:
        problem = {"message": str(error), "issues": error.issues}
    if problem:
        response = context.fragment("templates/problem.html", problem=problem)
        return replace(response, headers={"HX-Retarget": "#problem"})  # the last good pages stay
    return context.fragment("templates/preview.html", preview=shown)


def save(context: RequestContext) -> Response:
    work, slug = _sent(context), context.path("slug")
    try:
        draft = drafts.save_draft(
            context.project.id, slug, work.name, work.manifest, work.source,
            work.pdf_standard,  # type: ignore[arg-type]  # validated by save_draft
            work.locale, revision=work.revision, by=context.user.sub,
        )  # fmt: skip
    except CraftkitError as error:
        if context.request.is_fragment:
            raise
        return _editor(context, work, error)
    if context.request.is_fragment:
        content = json.dumps({"revision": draft.revision}).encode()
        return Response(200, content, content_type="application/json")
    return context.done(f"/templates/{slug}/edit", "The draft is saved.")


def restore(context: RequestContext) -> Response:
    """The editor with the content that the browser has stored. It is not saved yet."""
    return _editor(context, _sent(context))


def show_draft(context: RequestContext) -> Response:
    """The saved draft, for an editor whose draft was saved in another tab."""
    work = _opened(context)
    content = json.dumps({"revision": work.revision, "source": work.source}).encode()
    return Response(200, content, content_type="application/json")


def publish(context: RequestContext) -> Response:
    work, slug = _sent(context), context.path("slug")
    try:
        version = publishing.publish(
            context.project.id, slug, work.name, work.manifest, work.source,
            work.pdf_standard,  # type: ignore[arg-type]  # validated by publish
            work.locale, by=context.user.sub, typeset=bounded(context, typeset_remotely),
        )  # fmt: skip
    except (InvalidRequestError, InvalidInputDataError, RateLimitedError) as error:
        return _editor(context, work, error)
    drafts.discard_draft(context.project.id, slug)
    message = f"Version {version.number} is published. Renders use it from now on."
    if version.warnings:
        message += " Warnings: " + "; ".join(version.warnings[:3])
    return context.done(f"/templates/{slug}", message)


def discard(context: RequestContext) -> Response:
    slug = context.path("slug")
    template = templates.get_template(context.project.id, slug)
    if template.latest_version is None:
        templates.delete_template(context.project.id, slug, by=context.user.sub)
        return context.done("/templates", f"{slug} is discarded.")
    drafts.discard_draft(context.project.id, slug)
    return context.done(f"/templates/{slug}", "The draft is discarded.")


def _editor(context: RequestContext, work: Work, error: CraftkitError | None = None) -> Response:
    slug = context.path("slug")
    template = templates.get_template(context.project.id, slug)
    problem = None
    if isinstance(error, DoesNotCompileError):  # the preview shows this error already
        problem = {"message": error.reason, "line": error.line, "column": error.column}
    nonce = secrets.token_urlsafe(16)
    page = context.page(
        "templates/edit.html",
        422 if error else 200,
        nonce=nonce,
        words=WORDS,
        template=template,
        work=work,
        types=get_args(DataType),
        standards=get_args(PdfStandard),
        error=error,
        problem=problem,
    )
    return replace(page, style_nonce=nonce)


def _opened(context: RequestContext) -> Work:
    """The draft, else the latest version."""
    project_id, slug = context.project.id, context.path("slug")
    try:
        draft = drafts.get_draft(project_id, slug)
    except NotFoundError:
        version = templates.current_version(project_id, slug)
        return Work(
            name=version.name, locale=version.locale, pdf_standard=version.pdf_standard,
            revision=0, rows=rows_of(version.manifest.as_json()), source=version.source,
            data=_text(data.preview_data(version.manifest)),
            invoice=_invoice_of(version.manifest.as_json()),
        )  # fmt: skip
    return Work(
        name=draft.name, locale=draft.locale, pdf_standard=draft.pdf_standard,
        revision=draft.revision, rows=rows_of(draft.manifest), source=draft.source or "",
        data=_text(_previewed(draft.manifest)), invoice=_invoice_of(draft.manifest),
    )  # fmt: skip


def _previewed(manifest: dict[str, Any]) -> dict[str, Any]:
    try:
        return data.preview_data(read_manifest(manifest))
    except InvalidRequestError:  # unfinished manifest: only the preview data that it states
        fields = [*manifest.get("variables", ()), *manifest.get("loops", ())]
        values: dict[str, Any] = {}
        for field in fields:
            *parents, name = str(field.get("key", "")).split(".")
            node = values
            for parent in parents:
                node = node.setdefault(parent, {})
                if not isinstance(node, dict):
                    break
            else:
                if "previewData" in field:
                    node[name] = field["previewData"]
        return values


def _sent(context: RequestContext) -> Work:
    form = context.request.form
    revision = form.get("revision", "0")
    return Work(
        name=form.get("name", "").strip(),
        locale=form.get("locale", "en").strip(),
        pdf_standard=form.get("pdf_standard", ""),
        revision=int(revision) if revision.isascii() and revision.isdigit() else 0,
        rows=rows_in(context.request.fields),
        source=form.get("source", "").replace("\r\n", "\n"),
        data=form.get("data", ""),
        invoice=form.get("invoice", ""),
    )


def _invoice_of(manifest: dict[str, Any]) -> str:
    """The mapping of a manifest's electronic invoice as text; empty without one."""
    mapping = manifest.get("invoice")
    return _text(mapping) if mapping else ""


def _object(text: str, field: str, name: str) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise _wrong(field, f"{name} is not valid JSON: see line {line}.") from error
    if not isinstance(value, dict):
        raise _wrong(field, f"{name} must be a JSON object: {{ … }}.")
    return value


def _text(values: dict[str, Any]) -> str:
    return json.dumps(values, indent=2, ensure_ascii=False)


def _wrong(field: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(message, issues=Issues(field_errors={field: [message]}))
