"""Writes Typst from a manifest: a document to look at, and to go on editing."""

from craftkit.templates import data
from craftkit.templates.models import Manifest


def write_source(manifest: Manifest, title: str) -> str:
    """Readable Typst that shows every variable and loop of the manifest."""
    lines = ['#import "/craftkit.typ": *', "#show: defaults", "", f"= {title}"]
    lines += [f"/ {variable.label}: #data.{path}" for path, variable in data.variables(manifest)]
    return "\n".join(lines)
