"""Versions of a template: the page of each, the comparison of two, and rolling back."""

from typing import Annotated

from pydantic import BaseModel, Field

from craftkit.errors import NotFoundError
from craftkit.remote_typesetter import preview_remotely, typeset_remotely
from craftkit.templates import previews, publishing
from craftkit.templates import service as templates
from craftkit.templates.models import TemplateVersion
from craftkit.typesetter import TypesettingError
from dashboard.compilations import bounded
from dashboard.pages.keys import names_of
from dashboard.request_context import RequestContext
from dashboard.web import Response

_PAGES_COMPARED = 5
# A version never changes, and its number never comes back: a browser may cache the image.
_KEPT = "private, max-age=31536000, immutable"


class Comparison(BaseModel):
    before: Annotated[int, Field(ge=1)]
    after: Annotated[int, Field(ge=1)]


def show_version(context: RequestContext) -> Response:
    slug = context.path("slug")
    version = _version(context, _number(context.path("number")))
    return context.page(
        "versions/show.html",
        template=templates.get_template(context.project.id, slug),
        version=version,
        versions=templates.list_versions(context.project.id, slug),
        names=names_of(context),
    )


def version_image(context: RequestContext) -> Response:
    version = _version(context, _number(context.path("number")))
    small = context.path("size") == "small"
    image = previews.first_page(version, context.project.id, draw=preview_remotely, small=small)
    return cached_image(image)


def compare(context: RequestContext) -> Response:
    """The settings, manifest and source of two versions, line by line."""
    wanted, slug = context.query(Comparison), context.path("slug")
    difference = templates.diff(context.project.id, slug, wanted.before, wanted.after)
    return context.page(
        "versions/diff.html",
        template=templates.get_template(context.project.id, slug),
        before=wanted.before,
        after=wanted.after,
        versions=templates.list_versions(context.project.id, slug),
        parts={part: text.splitlines()[2:] for part, text in difference.items()},
    )


def compare_pages(context: RequestContext) -> Response:
    """The pages of two versions with their preview data, as a fragment."""
    wanted = context.query(Comparison)
    draw = bounded(context, preview_remotely)
    versions = [_version(context, number) for number in (wanted.before, wanted.after)]
    try:
        before, after = (previews.version_pages(version, draw=draw) for version in versions)
    except TypesettingError as error:
        return context.fragment("versions/pages.html", pairs=[], more=0, error=str(error))
    count = max(before.page_count, after.page_count)
    shown = min(max(len(before.pages), len(after.pages)), _PAGES_COMPARED)
    pairs = [(_at(before.pages, index), _at(after.pages, index)) for index in range(shown)]
    return context.fragment(
        "versions/pages.html",
        pairs=pairs,
        more=count - shown,
        error="",
        before=wanted.before,
        after=wanted.after,
    )


def roll_back(context: RequestContext) -> Response:
    slug, number = context.path("slug"), _number(context.path("number"))
    version = publishing.roll_back(
        context.project.id,
        slug,
        number,
        by=context.user.sub,
        typeset=bounded(context, typeset_remotely),
    )
    said = f"Version {version.number} is published. Its content is that of version {number}."
    return context.done(f"/templates/{slug}", said)


def cached_image(png: bytes) -> Response:
    """An image that a browser may cache, because its URL changes with its content."""
    return Response(200, png, "image/png", {"Cache-Control": _KEPT})


def _version(context: RequestContext, number: int) -> TemplateVersion:
    return templates.get_version(context.project.id, context.path("slug"), number)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise NotFoundError("The template has no such version.")
    return int(text)


def _at(pages: tuple[bytes, ...], index: int) -> bytes | None:
    return pages[index] if index < len(pages) else None
