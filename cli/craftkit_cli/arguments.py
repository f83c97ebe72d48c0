"""Arguments that several commands use: the project, durations and times."""

import argparse
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from craftkit_cli.answers import Answer

Run = Callable[[argparse.Namespace, str], Answer | str]
"""Takes a command's arguments and the operator's identity; returns what the command prints."""

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def group(commands: Any, name: str, what: str) -> Any:
    """Add a group of commands, such as `craftkit keys …`."""
    return commands.add_parser(name, help=what).add_subparsers(required=True, metavar="COMMAND")


def command(
    commands: Any, name: str, run: Run, what: str, *ids: str, in_project: bool = True
) -> argparse.ArgumentParser:
    """Add a command that calls `run`. It needs AWS credentials.

    Args:
        ids: positional arguments, such as `key_id`, which `--help` shows as `KEY_ID`.
        in_project: whether the command requires `--project`.
    """
    made: argparse.ArgumentParser = commands.add_parser(name, help=what)
    for each in ids:
        made.add_argument(each, metavar=each.upper())
    if in_project:
        made.add_argument("--project", required=True, metavar="ID")
    made.set_defaults(run=run)
    return made


def duration(text: str) -> timedelta:
    """A duration such as `90d`, `24h` or `15m`."""
    match = re.fullmatch(r"(\d{1,6})([mhd])", text)
    if match is None:
        raise argparse.ArgumentTypeError("give minutes, hours or days, such as 15m, 24h or 90d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def moment(text: str) -> datetime:
    """An RFC 3339 time; UTC if it has no offset."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        message = "give a time such as 2026-03-14T12:00:00Z"
        raise argparse.ArgumentTypeError(message) from error
    return read if read.tzinfo else read.replace(tzinfo=UTC)
