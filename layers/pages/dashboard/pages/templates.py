"""Templates: list, gallery, one template, and code samples."""

from craftkit.auth.principal import RENDERS_WRITE
from craftkit.clock import utc_now
from craftkit.errors import InvalidRequestError, Issues, NotFoundError, TemplateNotFoundError
from craftkit.keys import service as keys
from craftkit.keys.models import Key
from craftkit.projects.service import slug_of
from craftkit.remote_typesetter import preview_remotely
from craftkit.templates import drafts, gallery, previews
from craftkit.templates import service as templates
from craftkit.templates.models import is_slug
from dashboard import samples
from dashboard.pages import hooks
from dashboard.pages.keys import names_of
from dashboard.pages.versions import cached_image
from dashboard.request_context import RequestContext
from dashboard.web import Response

_PAGE_LIMIT = 24
_KEYS = 50


def list_templates(context: RequestContext) -> Response:
    page = templates.list_templates(context.project.id, limit=_PAGE_LIMIT, cursor=context.cursor)
    return context.page("templates/list.html", templates=page.templates, cursor=page.next_cursor)


def choose(context: RequestContext) -> Response:
    return context.page("templates/gallery.html", entries=gallery.entries(), error=None, form={})


def gallery_image(context: RequestContext) -> Response:
    return cached_image(previews.gallery_page(_entry(context.path("entry")), draw=preview_remotely))


def create_template(context: RequestContext) -> Response:
    """Create a draft, from the gallery or empty, and open it in the editor."""
    start, name = context.form("from"), context.form("name")
    slug = context.form("slug") or slug_of(name)
    try:
        _require_free(context.project.id, slug)
        entry = _entry(start) if start else None
        drafts.save_draft(
            context.project.id,
            slug,
            name,
            entry.manifest.as_json() if entry else {"variables": [], "loops": []},
            entry.source if entry else _BLANK,
            entry.pdf_standard if entry else "a-2a+ua-1",
            entry.locale if entry else "en",
            by=context.user.sub,
        )
    except InvalidRequestError as error:
        return context.refused("templates/gallery.html", error, entries=gallery.entries())
    return context.done(f"/templates/{slug}/edit")


def show_template(context: RequestContext) -> Response:
    template, latest, versions = templates.describe(context.project.id, context.path("slug"))
    if latest is None and context.member.may_change:
        return context.go(context.url(f"/templates/{template.slug}/edit"))
    return context.page(
        "templates/show.html",
        template=template,
        latest=latest,
        versions=versions,
        names=names_of(context),
        samples=samples.render(latest) if latest else [],
        hooks=hooks.of_template(context.project.id, template.slug),
        keys=_keys_for_hooks(context.project.id, template.slug),
    )


def delete_template(context: RequestContext) -> Response:
    slug = context.path("slug")
    templates.delete_template(context.project.id, slug, by=context.user.sub)
    return context.done("/templates", f"{slug} is deleted.")


def _keys_for_hooks(project_id: str, slug: str) -> list[Key]:
    """The keys that a hook of the template can use."""
    some, _ = keys.list_keys(project_id, limit=_KEYS)
    now = utc_now()
    return [
        key
        for key in some
        if key.status(now) == "active"
        and RENDERS_WRITE in key.scopes
        and (not key.templates or slug in key.templates)
    ]


def _require_free(project_id: str, slug: str) -> None:
    if not is_slug(slug):
        return  # saving raises the error for an invalid slug
    try:
        templates.get_template(project_id, slug)
    except TemplateNotFoundError:
        return
    message = "This project already has a template with this slug. Choose another slug."
    raise InvalidRequestError(message, issues=Issues(field_errors={"slug": [message]}))


def _entry(slug: str) -> gallery.Entry:
    if slug not in gallery.SLUGS:
        raise NotFoundError("The gallery has no such template.")
    return gallery.load(slug)


_BLANK = """\
#import "/craftkit.typ": *
#show: defaults

= Untitled

Write here. `#data` has the variables of the manifest.
"""
