"""`craftkit letterheads …`"""

import argparse
from typing import Any

from craftkit.clock import to_rfc3339
from craftkit.projects import service as projects
from craftkit.remote_typesetter import check_file_remotely
from craftkit.templates import letterheads
from craftkit.templates.models import Letterhead
from craftkit_cli.answers import Answer
from craftkit_cli.arguments import command, group
from craftkit_cli.files import read_file


def add_commands(root: Any) -> None:
    commands = group(root, "letterheads", "publish, list and delete letterheads of a project")
    publish = command(commands, "publish", _publish, "publish a PDF of at most 4 MiB and 10 pages")
    publish.add_argument("--name", required=True, help="the name that options.letterhead has")
    publish.add_argument("--file", required=True, help="the PDF")
    command(commands, "list", _list, "list the project's letterheads")
    delete = command(commands, "delete", _delete, "delete a letterhead; queued renders keep it")
    delete.add_argument("--name", required=True)


def _publish(arguments: argparse.Namespace, operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    published = letterheads.publish_letterhead(
        project.id,
        arguments.name,
        read_file(arguments.file),
        by=operator,
        check=check_file_remotely,
    )
    return _shown(published)


def _list(arguments: argparse.Namespace, _operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    return {"letterheads": [_shown(each) for each in letterheads.list_letterheads(project.id)]}


def _delete(arguments: argparse.Namespace, operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    letterheads.delete_letterhead(project.id, arguments.name, by=operator)
    return {"name": arguments.name, "deleted": True}


def _shown(letterhead: Letterhead) -> Answer:
    return {
        "name": letterhead.name,
        "pageCount": letterhead.page_count,
        "sizeBytes": letterhead.size_bytes,
        "pdfaIssues": list(letterhead.faults),
        "publishedAt": to_rfc3339(letterhead.published_at),
        "by": letterhead.by,
    }
