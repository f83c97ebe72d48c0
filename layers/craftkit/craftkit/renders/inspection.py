"""Renders for the dashboard and the CLI: searched, with page images and the shape of their data."""

from dataclasses import dataclass
from typing import Any

from craftkit.auth.principal import Mode
from craftkit.clock import utc_now
from craftkit.ids import is_id
from craftkit.renders import repository, service
from craftkit.renders.models import Render, Source, Status
from craftkit.slices import Place, Slice
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
    text: str = ""
    """A render's id; or a part of its file name, template, job id, error code or metadata
    (`name:value`)."""

    def fields(self) -> dict[str, str]:
        """What DynamoDB compares."""
        return {name: value for name, value in vars(self).items() if value and name != "text"}

    def has_text(self, render: Render) -> bool:
        metadata = (f"{name}:{value}" for name, value in render.metadata.items())
        texts = (render.filename, render.template_slug, render.job_id, render.error_code, *metadata)
        wanted = self.text.casefold()
        return any(wanted in text.casefold() for text in texts if text)


def search(project_id: str, wanted: Filter, place: Place, *, limit: int) -> Slice[Render]:
    """A slice of the matching renders. One that is named by its id is read alone."""
    now = utc_now()
    if is_id(wanted.text) and (render := repository.get(project_id, wanted.text)):
        return Slice([render] if render.is_kept_at(now) else [])
    return repository.rows(project_id, wanted.fields()).read(
        place,
        limit=limit,
        matches=lambda render: render.is_kept_at(now) and wanted.has_text(render),
    )


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
