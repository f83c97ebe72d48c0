"""`craftkit trust …`"""

import argparse
import sys
from typing import Any

from craftkit.auth.principal import TOKEN_SCOPES
from craftkit.projects import service as projects
from craftkit.trust import service
from craftkit.trust.models import LONGEST_LIFE, NewTrustRule, TrustRule
from craftkit_cli.answers import Answer, shown
from craftkit_cli.arguments import command, duration, group


def add_commands(groups: Any) -> None:
    commands = group(groups, "trust", "exchange tokens of an OIDC issuer for short-lived keys")
    create = command(commands, "create", _create, "create a trust rule")
    create.add_argument("--name", required=True)
    create.add_argument("--issuer", required=True, metavar="URL", help="the token's `iss`")
    create.add_argument("--audience", required=True, metavar="A", help="the token's `aud`")
    create.add_argument(
        "--subject",
        required=True,
        metavar="PATTERN",
        help="pattern of the token's `sub`; * matches within a segment, ** matches everything",
    )
    create.add_argument(
        "--claim",
        action="append",
        default=[],
        type=claim,
        metavar="NAME=PATTERN",
        help="a further claim that must match; may be repeated",
    )
    create.add_argument("--mode", required=True, choices=["live", "test"])
    create.add_argument("--scope", action="append", default=[], choices=TOKEN_SCOPES)
    create.add_argument("--template", action="append", default=[], metavar="SLUG")
    create.add_argument(
        "--life", type=duration, default=LONGEST_LIFE, metavar="15m", help="at most 15m (default)"
    )
    command(commands, "list", _list, "list a project's trust rules, newest first")
    ending = "end a trust rule and revoke its tokens"
    command(commands, "end", _end, ending, "rule_id", in_project=False)
    command(
        commands,
        "try",
        _try,
        "show which rule accepts a token, or why none does; reads the token from stdin",
    )


def claim(text: str) -> tuple[str, str]:
    """A name and a pattern from `NAME=PATTERN`."""
    name, separator, pattern = text.partition("=")
    if not name or not separator or not pattern:
        raise argparse.ArgumentTypeError("give NAME=PATTERN, such as repository_owner_id=123")
    return name, pattern


def _create(arguments: argparse.Namespace, operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    request = NewTrustRule(
        name=arguments.name,
        issuer=arguments.issuer,
        audience=arguments.audience,
        subject=arguments.subject,
        claims=dict(arguments.claim),
        mode=arguments.mode,
        scopes=tuple(arguments.scope),
        templates=tuple(arguments.template),
        life=arguments.life,
    )
    return _shown(service.create_rule(project.id, request, by=operator))


def _list(arguments: argparse.Namespace, _operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    return {"rules": [_shown(rule) for rule in service.list_rules(project.id)]}


def _end(arguments: argparse.Namespace, operator: str) -> Answer:
    return _shown(service.end_rule(arguments.rule_id, by=operator))


def _try(arguments: argparse.Namespace, _operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    return shown(service.try_token(project.id, sys.stdin.read().strip()))


def _shown(rule: TrustRule) -> Answer:
    life = {"lifeSeconds": int(rule.life.total_seconds()), "status": rule.status}
    return {**shown(rule, without=("life",)), **life}
