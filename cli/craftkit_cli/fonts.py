"""`craftkit fonts …`"""

import argparse
from typing import Any

from craftkit.clock import to_rfc3339
from craftkit.projects import service as projects
from craftkit.remote_typesetter import check_font_remotely
from craftkit.templates import fonts
from craftkit.templates.models import Font
from craftkit_cli.answers import Answer
from craftkit_cli.arguments import command, group
from craftkit_cli.files import read_file


def add_commands(root: Any) -> None:
    commands = group(root, "fonts", "add, list and remove fonts of a project")
    command(commands, "add", _add, "add a TrueType or OpenType file of at most 4 MiB", "file")
    command(commands, "list", _list, "list the project's fonts")
    command(commands, "remove", _remove, "remove a font; published versions keep it", "name")


def _add(arguments: argparse.Namespace, operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    content = read_file(arguments.file)
    font = fonts.add_font(project.id, content, by=operator, check=check_font_remotely)
    return _shown(font)


def _list(arguments: argparse.Namespace, _operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    return {"fonts": [_shown(font) for font in fonts.list_fonts(project.id)]}


def _remove(arguments: argparse.Namespace, _operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    fonts.remove_font(project.id, arguments.name)
    return {"name": arguments.name, "removed": True}


def _shown(font: Font) -> Answer:
    return {
        "name": font.name,
        "family": font.family,
        "weight": font.weight,
        "style": font.style,
        "sizeBytes": font.size_bytes,
        "addedAt": to_rfc3339(font.added_at),
        "by": font.by,
    }
