"""Templates: the list, the gallery, one template with its versions, and how to use it."""

from typing import Annotated

from pydantic import BaseModel, Field

from craftkit.auth.principal import RENDERS_WRITE
from craftkit.clock import utc_now
from craftkit.errors import InvalidRequestError, Issues, NotFoundError, TemplateNotFoundError
from craftkit.keys import service as keys
from craftkit.keys.models import Key
from craftkit.projects.service import slug_of
from craftkit.remote_typesetter import preview_remotely, typeset_remotely
from craftkit.templates import drafts, gallery, previews, publishing
from craftkit.templates import service as templates
from craftkit.templates.models import is_slug
from dashboard import samples
from dashboard.pages import hooks
from dashboard.pages.keys import names_of
from dashboard.router import route
from dashboard.visit import Visit
from dashboard.web import Answer

_PAGE_LIMIT = 24
_KEYS = 50
# A version never changes, and its number never comes back: a browser may keep the picture.
_KEPT = "private, max-age=31536000, immutable"


class Comparison(BaseModel):
    before: Annotated[int, Field(ge=1)]
    after: Annotated[int, Field(ge=1)]


@route("GET", "/projects/{project}/templates")
def list_templates(visit: Visit) -> Answer:
    page = templates.list_templates(visit.project.id, limit=_PAGE_LIMIT, cursor=visit.cursor)
    return visit.page("templates/list.html", templates=page.templates, cursor=page.next_cursor)


@route("GET", "/projects/{project}/templates/new")
def choose(visit: Visit) -> Answer:
    return visit.page("templates/gallery.html", entries=gallery.entries(), error=None, form={})


@route("GET", "/projects/{project}/gallery/{entry}/picture")
def gallery_picture(visit: Visit) -> Answer:
    return _picture(previews.gallery_page(_entry(visit.path("entry")), draw=preview_remotely))


@route("POST", "/projects/{project}/templates", needs="admin")
def create_template(visit: Visit) -> Answer:
    """Begin a draft, from the gallery or from nothing, and open it in the editor."""
    start, name = visit.form("from"), visit.form("name")
    slug = visit.form("slug") or slug_of(name)
    try:
        _require_free(visit.project.id, slug)
        entry = _entry(start) if start else None
        drafts.save_draft(
            visit.project.id,
            slug,
            name,
            entry.manifest.as_json() if entry else {"variables": [], "loops": []},
            entry.source if entry else _BLANK,
            entry.pdf_standard if entry else "a-2a+ua-1",
            entry.locale if entry else "en",
            by=visit.person.sub,
        )
    except InvalidRequestError as error:
        return visit.refused("templates/gallery.html", error, entries=gallery.entries())
    return visit.done(f"/templates/{slug}/edit")


@route("GET", "/projects/{project}/templates/{slug}")
def show_template(visit: Visit) -> Answer:
    template, latest, versions = templates.describe(visit.project.id, visit.path("slug"))
    if latest is None and visit.member.may_change:
        return visit.go(visit.url(f"/templates/{template.slug}/edit"))
    return visit.page(
        "templates/show.html",
        template=template,
        latest=latest,
        versions=versions,
        names=names_of(visit),
        samples=samples.render(latest) if latest else [],
        hooks=hooks.of_template(visit.project.id, template.slug),
        keys=_keys_for_hooks(visit.project.id, template.slug),
    )


@route("GET", "/projects/{project}/templates/{slug}/versions/{number}/{size}.png")
def version_picture(visit: Visit) -> Answer:
    number = _number(visit.path("number"))
    version = templates.get_version(visit.project.id, visit.path("slug"), number)
    small = visit.path("size") == "small"
    picture = previews.first_page(version, visit.project.id, draw=preview_remotely, small=small)
    return _picture(picture)


@route("GET", "/projects/{project}/templates/{slug}/diff")
def compare(visit: Visit) -> Answer:
    wanted, slug = visit.query(Comparison), visit.path("slug")
    template = templates.get_template(visit.project.id, slug)
    difference = templates.diff(visit.project.id, slug, wanted.before, wanted.after)
    return visit.page(
        "templates/diff.html",
        template=template,
        before=wanted.before,
        after=wanted.after,
        parts={part: text.splitlines()[2:] for part, text in difference.items()},
    )


@route("POST", "/projects/{project}/templates/{slug}/versions/{number}/restore", needs="admin")
def roll_back(visit: Visit) -> Answer:
    slug, number = visit.path("slug"), _number(visit.path("number"))
    version = publishing.roll_back(
        visit.project.id, slug, number, by=visit.person.sub, typeset=typeset_remotely
    )
    said = f"Version {version.number} is published; it is version {number} again."
    return visit.done(f"/templates/{slug}", said)


@route("POST", "/projects/{project}/templates/{slug}/delete", needs="admin")
def delete_template(visit: Visit) -> Answer:
    slug = visit.path("slug")
    templates.delete_template(visit.project.id, slug, by=visit.person.sub)
    return visit.done("/templates", f"{slug} is deleted.")


def _keys_for_hooks(project_id: str, slug: str) -> list[Key]:
    """The keys that a hook of the template could render as."""
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
        return  # saving says what is wrong with it
    try:
        templates.get_template(project_id, slug)
    except TemplateNotFoundError:
        return
    message = "A template of this project has this slug. Choose another."
    raise InvalidRequestError(message, issues=Issues(field_errors={"slug": [message]}))


def _entry(slug: str) -> gallery.Entry:
    if slug not in gallery.SLUGS:
        raise NotFoundError("The gallery has no such template.")
    return gallery.load(slug)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise NotFoundError("There is no such version.")
    return int(text)


def _picture(png: bytes) -> Answer:
    return Answer(200, png, "image/png", {"Cache-Control": _KEPT})


_BLANK = """\
#import "/craftkit.typ": *
#show: defaults

= Untitled

Write here. `#data` holds what the manifest names.
"""
