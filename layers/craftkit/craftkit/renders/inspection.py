"""Renders for the dashboard and the CLI: searched, with page images and the shape of their data."""

from dataclasses import dataclass
from typing import Any

from craftkit import cursors
from craftkit.auth.principal import Mode
from craftkit.renders import repository, service
from craftkit.renders.models import Render, Source, Status
from craftkit.templates import service as templates
from craftkit.templates.data import types
from craftkit.templates.previews import SCREEN_PIXELS_PER_INCH
from craftkit.typesetter import Draw, Job, Preview

_DEPTH_SHOWN = 6


@dataclass(frozen=True)
class Filter:
    """The filters of a search. None matches any value."""

    status: Status | None = None
    mode: Mode | None = None
    template_slug: str | None = None
    key_id: str | None = None
    source: Source | None = None

    def fields(self) -> dict[str, str]:
        return {name: value for name, value in vars(self).items() if value is not None}


def search(
    project_id: str, wanted: Filter, *, limit: int, cursor: str | None = None
) -> tuple[list[Render], str | None]:
    """A page of matching renders, newest first, and the cursor of the next page.

    At most 2,000 renders are read for a page, so a short or empty page can have a next one.

    Raises:
        InvalidCursorError: the cursor belongs to another search.
    """
    where = wanted.fields()
    named = ",".join(f"{name}={value}" for name, value in sorted(where.items()))
    scope = f"search/{project_id}/{named}"
    after = cursors.unseal(cursor, scope) if cursor else None
    renders, last = repository.page(project_id, limit=limit, where=where, after=after)
    return renders, cursors.seal(last, scope) if last else None


def draw_pages(render: Render, *, draw: Draw) -> Preview:
    """The render's pages as images, set again from its data and version, marked in test mode.

    Raises:
        TypesettingError, NotFoundError: its version, its data or a font is no longer there.
    """
    version = templates.current_version(
        render.project_id, render.template_slug, render.version_number
    )
    job = Job(
        source=version.source,
        data=service.get_data(render),
        types=types(version.manifest),
        locale=version.locale,
        title=version.name,
        created_at=render.created_at,
        font_files=version.fonts,
        pdf_standard=version.pdf_standard,
        watermark=render.mode == "test",
    )
    return draw(job, SCREEN_PIXELS_PER_INCH)


def shape_of(value: Any, depth: int = 0) -> Any:
    """The structure of data without its values: types by key, lists by their length."""
    if isinstance(value, dict) and depth < _DEPTH_SHOWN:
        return {key: shape_of(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        inner = shape_of(value[0], depth + 1) if value else None
        return {f"{len(value)} items": inner} if value else "no items"
    if isinstance(value, str):
        return f"text, {len(value)} characters"
    names = {bool: "boolean", int: "number", float: "number", type(None): "absent", dict: "object"}
    return names.get(type(value), "value")
