"""`craftkit audit …`"""

import argparse
from typing import Any

from craftkit.audit import service
from craftkit.projects import service as projects
from craftkit_cli.answers import Answer, shown
from craftkit_cli.arguments import command, group


def add_commands(root: Any) -> None:
    commands = group(root, "audit", "the audit log")
    list_ = command(commands, "list", _list, "a project's entries, newest first")
    list_.add_argument("--target", metavar="ID", help="only entries of this target")
    list_.add_argument("--limit", type=int, default=service.PAGE_LIMIT)


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
