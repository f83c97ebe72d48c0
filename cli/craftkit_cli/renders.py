"""`craftkit renders …`"""

import argparse
from typing import Any

from craftkit.clock import utc_now
from craftkit.renders import service
from craftkit_cli.answers import Answer, shown


def add_commands(rooms: Any) -> None:
    commands = rooms.add_parser("renders", help="look after renders").add_subparsers(required=True)

    show = commands.add_parser("show", help="one render of a project")
    show.add_argument("render_id", metavar="RENDER_ID")
    show.add_argument("--project", required=True, metavar="ID")
    show.set_defaults(run=_show)


def _show(arguments: argparse.Namespace, _operator: str) -> Answer:
    render = service.get_render(arguments.project, arguments.render_id)
    return shown(service.view_of(render, utc_now()))
