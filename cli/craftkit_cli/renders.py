"""`craftkit renders …`"""

import argparse
from typing import Any

from craftkit.clock import utc_now
from craftkit.projects import service as projects
from craftkit.renders import dead_letters, service
from craftkit.renders.views import view_of
from craftkit.usage import metering
from craftkit.webhooks import render_events
from craftkit_cli.answers import Answer, shown
from craftkit_cli.arguments import command, group, moment

_REDRIVEN_AT_ONCE = 100


def add_commands(root: Any) -> None:
    commands = group(root, "renders", "inspect and repair renders")
    command(commands, "show", _show, "show a render", "render_id")
    what = "queue the renders of the dead-letter queues again"
    redrive = command(commands, "redrive", _redrive, what, in_project=False)
    redrive.add_argument("--limit", type=int, default=_REDRIVEN_AT_ONCE)
    what = "repeat usage counts and webhooks of renders whose stream events were lost"
    reconcile = command(commands, "reconcile", _reconcile, what)
    reconcile.add_argument("--since", required=True, type=moment, metavar="TIME", help="RFC 3339")
    reconcile.add_argument("--until", type=moment, metavar="TIME", help="RFC 3339 (default: now)")


def _show(arguments: argparse.Namespace, _operator: str) -> Answer:
    render = service.get_render(arguments.project, arguments.render_id)
    return shown(view_of(render, utc_now()))


def _redrive(arguments: argparse.Namespace, _operator: str) -> Answer:
    queued, left = dead_letters.redrive(arguments.limit)
    return {"queued": queued, "leftAlone": left}


def _reconcile(arguments: argparse.Namespace, _operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    until = arguments.until or utc_now()
    counted = metering.reconcile(project.id, arguments.since, until)
    created = render_events.reconcile(project.id, arguments.since, until)
    return {"counted": counted, "delivered": created}
