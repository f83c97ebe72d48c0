"""`craftkit keys …`"""

import argparse
import json
import sys
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from craftkit.auth import dpop
from craftkit.auth.principal import SCOPES
from craftkit.clock import to_rfc3339, utc_now
from craftkit.errors import InvalidRequestError
from craftkit.keys import service, views
from craftkit.keys.exposure import report_exposed
from craftkit.keys.models import Exposure, Key, MintedKey, NewKey
from craftkit.projects import service as projects
from craftkit_cli.answers import Answer, shown
from craftkit_cli.arguments import command, duration, group


def add_commands(root: Any) -> None:
    commands = group(root, "keys", "create, rotate and revoke API keys")

    create = command(commands, "create", _create, "create a key; it is shown once")
    create.add_argument("--name", required=True)
    create.add_argument("--mode", required=True, choices=["live", "test"])
    create.add_argument("--scope", action="append", default=[], choices=SCOPES)
    create.add_argument("--template", action="append", default=[], metavar="SLUG")
    create.add_argument(
        "--network",
        action="append",
        default=[],
        metavar="CIDR",
        help="allow requests from this range only, such as 203.0.113.0/24; can be repeated",
    )
    create.add_argument(
        "--bind",
        type=Path,
        metavar="JWK_FILE",
        help="bind the key to this public key (Ed25519 or P-256): requests need a DPoP proof",
    )
    create.add_argument("--expires-in", type=duration, metavar="90d")

    list_ = command(commands, "list", _list, "list a project's keys, newest first")
    list_.add_argument("--limit", type=page_size, metavar="N", help="keys on the page, at most 100")
    list_.add_argument("--cursor", metavar="CURSOR", help="`nextCursor` of the previous page")

    of_key = partial(command, commands, in_project=False)
    of_key("show", _show, "show a key with its secrets, usage and limits", "key_id")
    rotate = of_key("rotate", _rotate, "create a new secret of a key; it is shown once", "key_id")
    rotate.add_argument(
        "--grace",
        type=duration,
        default=service.DEFAULT_GRACE,
        metavar="24h",
        help="how long the old secret works after the first use of the new one (default: 24h)",
    )
    rotate.add_argument(
        "--replace",
        action="store_true",
        help="end a rotation whose new secret was lost, and start another",
    )
    of_key("end-rotation", _end_rotation, "revoke the previous secret now", "key_id")
    revoke = of_key(
        "revoke", _revoke, "revoke a key; it is refused from the next request on", "key_id"
    )
    revoke.add_argument("--reason")
    rename = of_key("rename", _rename, "give a key another name", "key_id")
    rename.add_argument("--name", required=True)
    of_key("undo", _undo, "undo a revocation, within one hour", "key_id")

    exposed = of_key(
        "report-exposed",
        _report_exposed,
        "report a key that was found in public; reads the key from stdin",
    )
    exposed.add_argument("--url", default="", help="where the key was found")
    of_key("diagnose", _diagnose, "show why a key is refused; reads the key from stdin")


def page_size(text: str) -> int:
    """A whole number from 1 to 100."""
    if not text.isdecimal() or not 1 <= int(text) <= service.PAGE_LIMIT:
        raise argparse.ArgumentTypeError(f"give a number from 1 to {service.PAGE_LIMIT}")
    return int(text)


def public_key_thumbprint(path: Path) -> str:
    """The RFC 7638 thumbprint of the public key in a JWK file.

    Raises:
        InvalidRequestError: the file cannot be read, or has no supported public key.
    """
    try:
        key = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidRequestError(f"Cannot read {path}: {error.strerror}.") from error
    except ValueError as error:
        raise InvalidRequestError(f"{path} is not JSON.") from error
    if not isinstance(key, dict):
        raise InvalidRequestError(f"{path} is not a JWK.")
    try:
        return dpop.check_public_key(key)
    except dpop.InvalidProofError as error:
        raise InvalidRequestError(str(error)) from error


def _create(arguments: argparse.Namespace, operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    new_key = NewKey(
        name=arguments.name,
        mode=arguments.mode,
        scopes=tuple(arguments.scope),
        templates=tuple(arguments.template),
        networks=tuple(arguments.network),
        bound_to=public_key_thumbprint(arguments.bind) if arguments.bind else None,
        expires_at=_from_now(arguments.expires_in),
    )
    minted = service.create_key(project.id, new_key, by=operator)
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


def _rename(arguments: argparse.Namespace, operator: str) -> Answer:
    return _shown(service.rename_key(arguments.key_id, arguments.name, by=operator))


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


_NOT_SHOWN = (
    "secrets",
    "revision",
    "reminded_days",
    "quiet_since",
    "longest_life_days",
    "unused_days",
    "unused_from",
    "unused_check_at",
    "unused_reminded_days",
)


def _minted(minted: MintedKey) -> Answer:
    return {"id": minted.key.id, "key": minted.cleartext, **_shown(minted.key)}


def _shown(key: Key) -> Answer:
    known = shown(key, without=_NOT_SHOWN)
    expires_at = to_rfc3339(key.ends_at) if key.ends_at else None
    status = key.status(utc_now())
    return {**known, "expiresAt": expires_at, "prefix": key.prefix, "status": status}
