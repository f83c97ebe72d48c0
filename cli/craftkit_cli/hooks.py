"""`craftkit hooks …`"""

import argparse
from typing import Any

from craftkit.config import config
from craftkit.hooks import service
from craftkit.hooks.models import Hook, MadeHook
from craftkit.projects import service as projects
from craftkit_cli.answers import Answer, shown
from craftkit_cli.arguments import command, group


def add_commands(root: Any) -> None:
    commands = group(root, "hooks", "create and manage inbound hooks")
    create = command(commands, "create", _create, "create a hook; token and secret are shown once")
    create.add_argument("--slug", required=True, help="the template to render")
    create.add_argument(
        "--key", required=True, metavar="KEY_ID", help="the key that the renders belong to"
    )
    create.add_argument("--require-signature", action="store_true")
    command(commands, "list", _list, "list a project's hooks, oldest first")
    for name, run, what in (
        ("rotate", _rotate, "replace token and secret; the old ones are refused immediately"),
        ("on", _switch_on, "enable a hook"),
        ("off", _switch_off, "disable a hook; its token is refused"),
    ):
        command(commands, name, run, what, "hook_id")


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
