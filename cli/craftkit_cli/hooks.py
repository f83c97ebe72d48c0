"""`craftkit hooks …`"""

import argparse
from typing import Any

from craftkit.config import config
from craftkit.hooks import service
from craftkit.hooks.models import Hook, MadeHook
from craftkit.projects import service as projects
from craftkit_cli.answers import Answer, shown


def add_commands(rooms: Any) -> None:
    commands = rooms.add_parser("hooks", help="make inbound hooks").add_subparsers(required=True)

    create = commands.add_parser("create", help="make a hook; token and secret are shown this once")
    create.add_argument("--project", required=True, metavar="ID")
    create.add_argument("--slug", required=True, help="the template that it renders")
    create.add_argument("--key", required=True, metavar="KEY_ID", help="whose renders they are")
    create.add_argument("--require-signature", action="store_true")
    create.set_defaults(run=_create)

    list_ = commands.add_parser("list", help="a project's hooks, oldest first")
    list_.add_argument("--project", required=True, metavar="ID")
    list_.set_defaults(run=_list)

    for name, run, what in (
        ("rotate", _rotate, "a new token and secret; the old ones are refused from now on"),
        ("on", _switch_on, "switch a hook on again"),
        ("off", _switch_off, "switch a hook off: its token is unknown from now on"),
    ):
        command = commands.add_parser(name, help=what)
        command.add_argument("hook_id", metavar="HOOK_ID")
        command.add_argument("--project", required=True, metavar="ID")
        command.set_defaults(run=run)


def _create(arguments: argparse.Namespace, operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    made = service.create_hook(
        project.id,
        arguments.slug,
        arguments.key,
        requires_signature=arguments.require_signature,
        by=operator,
    )
    return _made(made)


def _list(arguments: argparse.Namespace, _operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    return {"hooks": [_shown(hook) for hook in service.list_hooks(project.id)]}


def _rotate(arguments: argparse.Namespace, operator: str) -> Answer:
    return _made(service.rotate_hook(arguments.project, arguments.hook_id, by=operator))


def _switch_on(arguments: argparse.Namespace, operator: str) -> Answer:
    return _shown(service.switch_hook(arguments.project, arguments.hook_id, on=True, by=operator))


def _switch_off(arguments: argparse.Namespace, operator: str) -> Answer:
    return _shown(service.switch_hook(arguments.project, arguments.hook_id, on=False, by=operator))


def _made(made: MadeHook) -> Answer:
    url = f"{config.public_url}/v1/hooks/{made.token}"
    return {**_shown(made.hook), "token": made.token, "secret": made.secret, "url": url}


def _shown(hook: Hook) -> Answer:
    return shown(hook, without=("token_hash", "sealed_secret"))
