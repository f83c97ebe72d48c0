"""`craftkit keys …`"""

import argparse
import re
import sys
from datetime import datetime, timedelta
from typing import Any

from craftkit.auth.principal import SCOPES
from craftkit.clock import utc_now
from craftkit.keys import service
from craftkit.keys.models import Key, NewKey
from craftkit.projects import service as projects
from craftkit_cli.answers import Answer, shown

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def add_commands(rooms: Any) -> None:
    commands = rooms.add_parser("keys", help="make and revoke API keys").add_subparsers(
        required=True
    )

    create = commands.add_parser("create", help="make a key; it is shown this once")
    create.add_argument("--project", required=True, metavar="ID")
    create.add_argument("--name", required=True)
    create.add_argument("--mode", required=True, choices=["live", "test"])
    create.add_argument("--scope", action="append", default=[], choices=SCOPES)
    create.add_argument("--template", action="append", default=[], metavar="SLUG")
    create.add_argument("--expires-in", type=duration, metavar="90d")
    create.set_defaults(run=_create)

    list_ = commands.add_parser("list", help="a project's keys, newest first")
    list_.add_argument("--project", required=True, metavar="ID")
    list_.set_defaults(run=_list)

    revoke = commands.add_parser("revoke", help="refuse a key from the next request on")
    revoke.add_argument("key_id", metavar="KEY_ID")
    revoke.add_argument("--reason")
    revoke.set_defaults(run=_revoke)

    diagnose = commands.add_parser("diagnose", help="why does a key fail? reads it from stdin")
    diagnose.set_defaults(run=_diagnose)


def duration(text: str) -> timedelta:
    """`90d`, `24h` or `15m` as a time span."""
    match = re.fullmatch(r"(\d{1,6})([mhd])", text)
    if match is None:
        raise argparse.ArgumentTypeError("give minutes, hours or days, such as 15m, 24h or 90d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _create(arguments: argparse.Namespace, operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    wish = NewKey(
        name=arguments.name,
        mode=arguments.mode,
        scopes=tuple(arguments.scope),
        templates=tuple(arguments.template),
        expires_at=_from_now(arguments.expires_in),
    )
    minted = service.create_key(project.id, wish, by=operator)
    return {"id": minted.key.id, "key": minted.cleartext, **_shown(minted.key)}


def _list(arguments: argparse.Namespace, _operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    keys: list[Answer] = []
    cursor = None
    while True:
        page, cursor = service.list_keys(project.id, cursor=cursor)
        keys += [_shown(key) for key in page]
        if cursor is None:
            return {"keys": keys}


def _revoke(arguments: argparse.Namespace, operator: str) -> Answer:
    return _shown(service.revoke_key(arguments.key_id, by=operator, reason=arguments.reason))


def _diagnose(_arguments: argparse.Namespace, _operator: str) -> Answer:
    diagnosis = service.diagnose(sys.stdin.readline())
    embed = projects.embed_status(diagnosis.project_id) if diagnosis.project_id else None
    return {**shown(diagnosis), "embed": embed}


def _from_now(span: timedelta | None) -> datetime | None:
    return utc_now() + span if span else None


def _shown(key: Key) -> Answer:
    return {**shown(key, without=("secrets",)), "prefix": key.prefix}
