"""`craftkit audit …`"""

import argparse
from typing import Any

from craftkit.audit import service
from craftkit.projects import service as projects
from craftkit_cli.answers import Answer, shown


def add_commands(rooms: Any) -> None:
    commands = rooms.add_parser("audit", help="who did what").add_subparsers(required=True)

    list_ = commands.add_parser("list", help="a project's entries, newest first")
    list_.add_argument("--project", required=True, metavar="ID")
    list_.add_argument("--target", metavar="ID", help="what was done to one thing alone")
    list_.add_argument("--limit", type=int, default=service.PAGE_LIMIT)
    list_.set_defaults(run=_list)


def _list(arguments: argparse.Namespace, _operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    entries: list[Answer] = []
    after = None
    while len(entries) < arguments.limit:
        page = service.list_entries(project.id, target=arguments.target, after=after)
        entries += [shown(entry) for entry in page.entries]
        after = page.after
        if after is None:
            break
    return {"entries": entries[: arguments.limit]}
