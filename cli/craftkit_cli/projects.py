"""`craftkit projects …`"""

import argparse
from typing import Any, get_args

from pydantic import EmailStr, TypeAdapter

from craftkit.projects import members, people, service
from craftkit.projects.models import ROLES, ExposurePolicy
from craftkit_cli.answers import Answer, shown

_ADDRESS = TypeAdapter(EmailStr)


def add_commands(rooms: Any) -> None:
    commands = rooms.add_parser(
        "projects", help="make projects, and say who is in them"
    ).add_subparsers(required=True)

    create = commands.add_parser("create", help="make a project")
    create.add_argument("--name", required=True)
    create.set_defaults(run=_create)

    add = commands.add_parser("add-member", help="let a person into a project's dashboard")
    add.add_argument("--project", required=True, metavar="ID")
    add.add_argument("--email", required=True, help="who is new is sent a first password")
    add.add_argument("--role", choices=ROLES, default="viewer")
    add.set_defaults(run=_add_member)

    list_ = commands.add_parser("members", help="who is in a project, and who is invited")
    list_.add_argument("--project", required=True, metavar="ID")
    list_.set_defaults(run=_members)

    exposure = commands.add_parser(
        "set-exposure", help="what becomes of keys that are found in the open"
    )
    exposure.add_argument("--project", required=True, metavar="ID")
    exposure.add_argument("--policy", required=True, choices=get_args(ExposurePolicy))
    exposure.set_defaults(run=_set_exposure)


def _create(arguments: argparse.Namespace, operator: str) -> Answer:
    project = service.create_project(arguments.name, by=operator)
    return {"id": project.id, "slug": project.slug, "name": project.name}


def _set_exposure(arguments: argparse.Namespace, operator: str) -> Answer:
    return shown(service.set_exposure_policy(arguments.project, arguments.policy, by=operator))


def _add_member(arguments: argparse.Namespace, operator: str) -> Answer:
    project = service.get_project(arguments.project)
    person = people.find_or_invite(_ADDRESS.validate_python(arguments.email))
    return shown(members.add_member(project.id, person, arguments.role, by=operator))


def _members(arguments: argparse.Namespace, _operator: str) -> Answer:
    project = service.get_project(arguments.project)
    return {"members": [shown(member) for member in members.list_members(project.id)]}
