"""Pages drawn by Typst on this machine."""

from craftkit_cli.authoring import renderer
from craftkit_cli.authoring.accessibility import split_warnings, structure_findings
from craftkit_cli.authoring.drawn import Drawn
from craftkit_cli.authoring.folder import Json, Template


def draw(template: Template, sent: Json) -> Drawn:
    preview = renderer.draw(template, sent)
    warnings, breaches = split_warnings(preview.warnings)
    gaps = structure_findings(renderer.typeset(template, sent, renderer.TAGGED).pdf)
    return Drawn(preview.pages, preview.page_count, warnings, [*breaches, *gaps])
