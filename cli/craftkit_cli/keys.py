"""`craftkit keys …`"""

import argparse
import re
import sys
from datetime import datetime, timedelta
from typing import Any

from craftkit.auth.principal import SCOPES
from craftkit.clock import utc_now
from craftkit.keys import service, views
from craftkit.keys.exposure import report_exposed
from craftkit.keys.models import Exposure, Key, MintedKey, NewKey
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
    list_.add_argument("--limit", type=page_size, metavar="N", help="one page, 100 keys at most")
    list_.add_argument("--cursor", metavar="CURSOR", help="`nextCursor` of the page before")
    list_.set_defaults(run=_list)

    show = commands.add_parser("show", help="one key: its secrets, their use, its limits")
    show.add_argument("key_id", metavar="KEY_ID")
    show.set_defaults(run=_show)

    rotate = commands.add_parser("rotate", help="give a key a new secret, shown this once")
    rotate.add_argument("key_id", metavar="KEY_ID")
    rotate.add_argument(
        "--grace",
        type=duration,
        default=service.DEFAULT_GRACE,
        metavar="24h",
        help="how long the old secret goes on once the new one was used (default: 24h)",
    )
    rotate.add_argument(
        "--replace",
        action="store_true",
        help="the secret of the rotation under way was lost: end it, and make another",
    )
    rotate.set_defaults(run=_rotate)

    end = commands.add_parser("end-rotation", help="end the previous secret now")
    end.add_argument("key_id", metavar="KEY_ID")
    end.set_defaults(run=_end_rotation)

    revoke = commands.add_parser("revoke", help="refuse a key from the next request on")
    revoke.add_argument("key_id", metavar="KEY_ID")
    revoke.add_argument("--reason")
    revoke.set_defaults(run=_revoke)

    undo = commands.add_parser("undo", help="take a revocation back, within the hour")
    undo.add_argument("key_id", metavar="KEY_ID")
    undo.set_defaults(run=_undo)

    exposed = commands.add_parser(
        "report-exposed", help="a key was found in the open; reads it from stdin"
    )
    exposed.add_argument("--url", default="", help="where it was found")
    exposed.set_defaults(run=_report_exposed)

    diagnose = commands.add_parser("diagnose", help="why does a key fail? reads it from stdin")
    diagnose.set_defaults(run=_diagnose)


def duration(text: str) -> timedelta:
    """`90d`, `24h` or `15m` as a time span."""
    match = re.fullmatch(r"(\d{1,6})([mhd])", text)
    if match is None:
        raise argparse.ArgumentTypeError("give minutes, hours or days, such as 15m, 24h or 90d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def page_size(text: str) -> int:
    """A whole number from 1 to 100."""
    if not text.isdecimal() or not 1 <= int(text) <= service.PAGE_LIMIT:
        raise argparse.ArgumentTypeError(f"give a number from 1 to {service.PAGE_LIMIT}")
    return int(text)


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
    return _minted(minted)


def _list(arguments: argparse.Namespace, _operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    if arguments.limit is not None:
        page, cursor = views.list_keys(project.id, limit=arguments.limit, cursor=arguments.cursor)
        return {"keys": [shown(key) for key in page], "nextCursor": cursor}
    keys: list[Answer] = []
    cursor = arguments.cursor
    while True:
        page, cursor = views.list_keys(project.id, limit=service.PAGE_LIMIT, cursor=cursor)
        keys += [shown(key) for key in page]
        if cursor is None:
            return {"keys": keys, "nextCursor": None}


def _show(arguments: argparse.Namespace, _operator: str) -> Answer:
    return shown(views.show_key(arguments.key_id))


def _rotate(arguments: argparse.Namespace, operator: str) -> Answer:
    return _minted(
        service.rotate_key(
            arguments.key_id, by=operator, grace=arguments.grace, replace=arguments.replace
        )
    )


def _end_rotation(arguments: argparse.Namespace, operator: str) -> Answer:
    return _shown(service.end_rotation(arguments.key_id, by=operator))


def _revoke(arguments: argparse.Namespace, operator: str) -> Answer:
    return _shown(service.revoke_key(arguments.key_id, by=operator, reason=arguments.reason))


def _undo(arguments: argparse.Namespace, operator: str) -> Answer:
    return _shown(service.undo_revocation(arguments.key_id, by=operator))


def _report_exposed(arguments: argparse.Namespace, operator: str) -> Answer:
    report = Exposure(token=sys.stdin.readline(), url=arguments.url, source="operator")
    (finding,) = report_exposed([report], by=operator)
    return {"finding": finding}


def _diagnose(_arguments: argparse.Namespace, _operator: str) -> Answer:
    diagnosis = service.diagnose(sys.stdin.readline())
    embed = projects.embed_status(diagnosis.project_id) if diagnosis.project_id else None
    return {**shown(diagnosis), "embed": embed}


def _from_now(span: timedelta | None) -> datetime | None:
    return None if span is None else utc_now() + span


def _minted(minted: MintedKey) -> Answer:
    return {"id": minted.key.id, "key": minted.cleartext, **_shown(minted.key)}


def _shown(key: Key) -> Answer:
    known = shown(key, without=("secrets", "revision", "reminded_days", "quiet_since"))
    return {**known, "prefix": key.prefix, "status": key.status(utc_now())}
