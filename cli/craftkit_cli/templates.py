"""`craftkit templates …`"""

import argparse
from pathlib import Path
from typing import Any, get_args

from craftkit.errors import InvalidRequestError
from craftkit.http import read_json
from craftkit.projects import service as projects
from craftkit.remote_typesetter import typeset_remotely
from craftkit.templates import service
from craftkit.typesetter import DEFAULT_PDF_STANDARD, PdfStandard
from craftkit_cli.answers import Answer


def add_commands(rooms: Any) -> None:
    commands = rooms.add_parser("templates", help="publish templates").add_subparsers(required=True)

    publish = commands.add_parser("publish", help="publish a template's next version")
    publish.add_argument("--project", required=True, metavar="ID")
    publish.add_argument("--slug", required=True)
    publish.add_argument("--name", required=True)
    publish.add_argument("--manifest", required=True, metavar="FILE")
    publish.add_argument("--source", metavar="FILE", help="Typst; written for you without it")
    publish.add_argument(
        "--pdf-standard", choices=get_args(PdfStandard), default=DEFAULT_PDF_STANDARD
    )
    publish.add_argument("--locale", default="en")
    publish.set_defaults(run=_publish)

    list_ = commands.add_parser("list", help="a project's templates")
    list_.add_argument("--project", required=True, metavar="ID")
    list_.set_defaults(run=_list)


def _publish(arguments: argparse.Namespace, operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    version = service.publish(
        project.id,
        arguments.slug,
        arguments.name,
        read_json(_read(arguments.manifest)),
        _read(arguments.source).decode() if arguments.source else None,
        arguments.pdf_standard,
        arguments.locale,
        by=operator,
        typeset=typeset_remotely,
    )
    return {
        "slug": version.slug,
        "versionNumber": version.number,
        "pdfStandard": version.pdf_standard,
    }


def _list(arguments: argparse.Namespace, _operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    templates: list[Answer] = []
    cursor = None
    while True:
        page = service.list_templates(project.id, cursor=cursor)
        templates += [
            {"slug": one.slug, "name": one.name, "latestVersion": one.latest_version}
            for one in page.templates
        ]
        cursor = page.next_cursor
        if cursor is None:
            return {"templates": templates}


def _read(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise InvalidRequestError(f"The file {name} cannot be read.") from error
