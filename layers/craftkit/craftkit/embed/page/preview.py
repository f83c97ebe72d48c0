"""Previews of a document as images. Missing and invalid values are replaced by samples."""

import copy
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from craftkit.embed.page.models import PreviewProblem, PreviewSource
from craftkit.errors import CraftkitError, InvalidInputDataError, Issues
from craftkit.remote_typesetter import preview_remotely
from craftkit.templates.data import preview_data, types, validate_data
from craftkit.templates.models import Manifest
from craftkit.typesetter import (
    Draw,
    Job,
    Preview,
    TypesettingError,
)

PIXELS_PER_INCH = 96.0
_ROUNDS = 4


def draw(
    source: PreviewSource,
    data: Mapping[str, Any],
    *,
    now: datetime,
    scale: float,
    preview: Draw = preview_remotely,
) -> Preview | PreviewProblem:
    """The pages as PNG. A document that cannot be typeset returns its problem.

    Args:
        data: valid by the manifest; see `complete`.
        scale: device pixels for each CSS pixel.
    """
    job = Job(
        source=source.source,
        data=data,
        types=types(source.manifest),
        locale=source.locale,
        title=source.title,
        created_at=now,
        font_files=source.fonts,
        pdf_standard=source.pdf_standard,
        watermark=source.watermark,
    )
    try:
        return preview(job, PIXELS_PER_INCH * scale)
    except TypesettingError as error:
        return PreviewProblem(str(error), error.line, error.column)


def draw_draft(source: PreviewSource, **how: Any) -> Preview | PreviewProblem:
    """The pages of a template with its preview data; `how` are the options of `draw`."""
    try:
        data = complete(source.manifest, preview_data(source.manifest)).data
    except InvalidInputDataError as error:
        return problem_of(error)
    return draw(source, data, **how)


def problem_of(error: CraftkitError) -> PreviewProblem:
    """The first issue of an error, for the editor."""
    issues = error.issues or Issues()
    for path, messages in issues.field_errors.items():
        return PreviewProblem(f"{path}: {messages[0]}")
    return PreviewProblem(issues.form_errors[0] if issues.form_errors else str(error))


@dataclass(frozen=True)
class Completed:
    """Data that is valid by its manifest. `replaced`: messages of each invalid value by path."""

    data: dict[str, Any]
    replaced: dict[str, list[str]]


def complete(manifest: Manifest, data: object) -> Completed:
    """Replace missing and invalid values by the manifest's preview data, then validate.

    A missing optional value stays missing.
    """
    sample = preview_data(manifest)
    patched = copy.deepcopy(data) if isinstance(data, dict) else {}
    replaced: dict[str, list[str]] = {}
    for _ in range(_ROUNDS):
        try:
            return Completed(validate_data(manifest, patched), replaced)
        except InvalidInputDataError as error:
            for path, messages in (error.issues.field_errors if error.issues else {}).items():
                if _is_given(data, path.split(".")):
                    replaced[path] = messages
                _put_sample(patched, path.split("."), sample)
    return Completed(validate_data(manifest, sample), replaced)


def _is_given(data: object, steps: list[str]) -> bool:
    """Whether the caller sent a value at the path."""
    node: Any = data
    for step in steps:
        if isinstance(node, list):
            node = node[int(step)] if step.isdigit() and int(step) < len(node) else None
        else:
            node = node.get(step) if isinstance(node, dict) else None
    return node not in (None, "")


def _put_sample(data: dict[str, Any], steps: list[str], sample: Any) -> None:
    """Copy the sample's value at a path into the data.

    Items beyond the sample's last one repeat the sample's items from the first.
    """
    node: Any = data
    key: Any
    for depth, step in enumerate(steps):
        sample = _at(sample, step)
        key = int(step) if isinstance(node, list) else step
        if depth == len(steps) - 1:
            node[key] = copy.deepcopy(sample)
            return
        below = node[key] if isinstance(node, list) else node.get(key)
        if not isinstance(below, dict | list):
            # The data has no container here: copy the sample's whole branch.
            node[key] = copy.deepcopy(sample)
            return
        node = below


def _at(sample: Any, step: str) -> Any:
    if isinstance(sample, list):
        return sample[int(step) % len(sample)] if sample and step.isdigit() else None
    return sample.get(step) if isinstance(sample, dict) else None


def preview_response(drawn: Preview | PreviewProblem) -> dict[str, Any]:
    """The response to a preview: PNG images of the first pages, or the problem."""
    if isinstance(drawn, PreviewProblem):
        return {"pages": [], "pageCount": 0, "problem": drawn.as_json()}
    pages = [b64encode(page).decode() for page in drawn.pages]
    return {"pages": pages, "pageCount": drawn.page_count, "problem": None}
