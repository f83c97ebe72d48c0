"""The pages of a data set as images, as `craftkit templates dev` shows them."""

from collections.abc import Callable
from dataclasses import dataclass

from craftkit_cli.authoring.folder import Json, Template


@dataclass(frozen=True)
class Drawn:
    """PNG images of the pages. `page_count` may be greater than the number of images."""

    pages: tuple[bytes, ...]
    page_count: int
    warnings: list[str]
    accessibility: list[str]


Draw = Callable[[Template, Json], Drawn]
"""Draws a data set. Raises TypesettingError if there is no document, CraftkitError for all else."""
