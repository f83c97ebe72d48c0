"""`craftkit projects …`"""

import argparse
from typing import Any

from craftkit.projects import service
from craftkit_cli.answers import Answer


def add_commands(rooms: Any) -> None:
    commands = rooms.add_parser("projects", help="make projects").add_subparsers(required=True)

    create = commands.add_parser("create", help="make a project")
    create.add_argument("--name", required=True)
    create.set_defaults(run=_create)


def _create(arguments: argparse.Namespace, operator: str) -> Answer:
    project = service.create_project(arguments.name, by=operator)
    return {"id": project.id, "slug": project.slug, "name": project.name}
