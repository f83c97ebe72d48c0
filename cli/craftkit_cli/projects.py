"""`craftkit projects …`"""

import argparse
import re
from dataclasses import asdict
from typing import Any, get_args

from pydantic import EmailStr, TypeAdapter
from pydantic.alias_generators import to_camel

from craftkit import project_deletion
from craftkit.errors import InvalidRequestError
from craftkit.keys import policies
from craftkit.projects import members, service, users
from craftkit.projects.models import LONGEST_DAYS, ROLES, AnomalyPolicy, ExposurePolicy
from craftkit.remote_typesetter import typeset_remotely
from craftkit.templates.starter import SLUG, publish_starter
from craftkit_cli import login, logins
from craftkit_cli.answers import Answer, shown
from craftkit_cli.arguments import command, group

_ADDRESS = TypeAdapter(EmailStr)


def add_commands(root: Any) -> None:
    commands = group(root, "projects", "list and create projects, and manage their members")
    known = commands.add_parser("list", help="list the projects that this machine is logged in to")
    known.set_defaults(run=_list, needs_aws=False)
    use = commands.add_parser("use", help="make one of these projects the default")
    use.add_argument("project", metavar="ID")
    use.set_defaults(run=_use, needs_aws=False)
    create = command(commands, "create", _create, "make a project", in_project=False)
    create.add_argument("--name", required=True)
    create.add_argument("--empty", action="store_true", help="without the gallery's invoice")
    add = command(commands, "add-member", _add_member, "add a member to a project")
    add.add_argument("--email", required=True, help="a new user gets a temporary password by email")
    add.add_argument("--role", choices=ROLES, default="viewer")
    command(commands, "members", _members, "list a project's members and invitations")
    command(commands, "delete", _delete, "delete a project and erase its data")
    exposure = command(
        commands,
        "set-exposure",
        _set_exposure,
        "set whether keys that are found in public are revoked",
    )
    exposure.add_argument("--policy", required=True, choices=get_args(ExposurePolicy))
    anomalies = command(
        commands, "set-anomalies", _set_anomalies, "what happens to keys with unusual use"
    )
    anomalies.add_argument("--policy", required=True, choices=get_args(AnomalyPolicy))
    keys = command(commands, "set-key-policy", _set_key_policy, "how long the project's keys work")
    keys.add_argument(
        "--longest-life",
        type=days_or_none,
        metavar="90d",
        help="a key that is not rotated in this time expires; none: no rule",
    )
    keys.add_argument(
        "--retire-unused",
        type=days_or_none,
        metavar="60d",
        help="a key that is not used for this time is revoked; none: no rule",
    )


def days_or_none(text: str) -> int:
    """Whole days from `90d`; 0 for `none`."""
    if text == "none":
        return 0
    if (match := re.fullmatch(r"([1-9]\d{0,3})d", text)) is None or int(match[1]) > LONGEST_DAYS:
        raise argparse.ArgumentTypeError(f"give 1d to {LONGEST_DAYS}d, such as 90d, or none")
    return int(match[1])


def _list(_arguments: argparse.Namespace, _operator: str) -> Answer:
    known = logins.read()
    return {
        "projects": [
            login.shown(each, is_default=id_ == known.default)
            for id_, each in known.by_project.items()
        ]
    }


def _use(arguments: argparse.Namespace, operator: str) -> Answer:
    logins.use(arguments.project)
    return _list(arguments, operator)


def _delete(arguments: argparse.Namespace, operator: str) -> Answer:
    report = project_deletion.delete_project(arguments.project, by=operator)
    counts = {to_camel(name): count for name, count in asdict(report).items()}
    return {**counts, "remains": project_deletion.REMAINS}


def _create(arguments: argparse.Namespace, operator: str) -> Answer:
    project = service.create_project(arguments.name, by=operator)
    has_template = not arguments.empty and publish_starter(
        project.id, by=operator, typeset=typeset_remotely
    )
    return {
        "id": project.id,
        "slug": project.slug,
        "name": project.name,
        "templates": [SLUG] if has_template else [],
    }


def _set_exposure(arguments: argparse.Namespace, operator: str) -> Answer:
    return shown(service.set_exposure_policy(arguments.project, arguments.policy, by=operator))


def _set_anomalies(arguments: argparse.Namespace, operator: str) -> Answer:
    return shown(service.set_anomaly_policy(arguments.project, arguments.policy, by=operator))


def _set_key_policy(arguments: argparse.Namespace, operator: str) -> Answer:
    known = service.get_project(arguments.project).key_policy
    given = {"longest_life_days": arguments.longest_life, "unused_days": arguments.retire_unused}
    changes = {name: days or None for name, days in given.items() if days is not None}
    if not changes:
        raise InvalidRequestError("Give --longest-life or --retire-unused, in days or `none`.")
    policy = known.model_copy(update=changes)
    return shown(policies.set_key_policy(arguments.project, policy, by=operator))


def _add_member(arguments: argparse.Namespace, operator: str) -> Answer:
    project = service.get_project(arguments.project)
    person = users.find_or_invite(_ADDRESS.validate_python(arguments.email))
    return shown(members.add_member(project.id, person, arguments.role, by=operator))


def _members(arguments: argparse.Namespace, _operator: str) -> Answer:
    project = service.get_project(arguments.project)
    return {"members": [shown(member) for member in members.list_members(project.id)]}
