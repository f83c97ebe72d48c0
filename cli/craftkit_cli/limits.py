"""`craftkit limits …`"""

import argparse
from typing import Any

from craftkit.errors import InvalidRequestError
from craftkit.keys import limiting, service
from craftkit.limits.models import LimitsChange, LimitsState, Rate
from craftkit.limits.service import limits_of
from craftkit.projects import service as projects
from craftkit_cli.answers import Answer, shown
from craftkit_cli.arguments import command, group

_CLEARABLE = ("renders-per-day", "renders-per-month", "rate", "warn-at-percent")


def add_commands(root: Any) -> None:
    commands = group(root, "limits", "rate limits and quotas of a project or a key")
    set_ = command(commands, "set", _set, "set or clear limits; other limits stay as they are")
    set_.add_argument("--renders-per-day", type=int, metavar="N")
    set_.add_argument("--renders-per-month", type=int, metavar="N")
    set_.add_argument("--rate", metavar="10/s", help="write requests per second, minute or hour")
    set_.add_argument("--burst", type=int, metavar="N", help="largest burst of write requests")
    set_.add_argument(
        "--warn-at",
        type=int,
        metavar="PERCENT",
        help="send the event limit.warning when so much of a budget is used (default: 80)",
    )
    set_.add_argument("--clear", action="append", default=[], choices=_CLEARABLE)
    show = command(commands, "show", _show, "show limits and their usage")
    for each in (set_, show):
        each.add_argument(
            "--key", metavar="KEY_ID", help="limits of this key (default: of the project)"
        )


def _set(arguments: argparse.Namespace, operator: str) -> Answer:
    of, id_ = _subject_of(arguments)
    change = LimitsChange(
        renders_per_day=arguments.renders_per_day,
        renders_per_month=arguments.renders_per_month,
        rate=_rate_of(arguments),
        warn_at_percent=arguments.warn_at,
        cleared=frozenset(name.replace("-", "_") for name in arguments.clear),
    )
    if of == "key":
        return _shown(of, id_, limiting.limit_key(id_, change, by=operator))
    return _shown(of, id_, limiting.limit_project(id_, change, by=operator))


def _show(arguments: argparse.Namespace, _operator: str) -> Answer:
    of, id_ = _subject_of(arguments)
    return _shown(of, id_, limits_of(of, id_))


def _subject_of(arguments: argparse.Namespace) -> tuple[str, str]:
    project = projects.get_project(arguments.project)
    if arguments.key is None:
        return "project", project.id
    key = service.get_key(arguments.key)
    if key.project_id != project.id:
        raise InvalidRequestError("This key belongs to another project.")
    return "key", key.id


def _rate_of(arguments: argparse.Namespace) -> Rate | None:
    if arguments.rate is None:
        if arguments.burst is not None:
            raise InvalidRequestError("--burst requires --rate.")
        return None
    try:
        return Rate.of_text(arguments.rate, arguments.burst)
    except ValueError as error:
        message = "--rate must be a rate such as 10/s, and --burst at least 1."
        raise InvalidRequestError(message) from error


def _shown(of: str, id_: str, state: LimitsState | None) -> Answer:
    if state is None:
        return {"of": of, "id": id_, "limits": None}
    rate = state.limits.rate
    return {
        "of": of,
        "id": id_,
        "limits": {
            "rendersPerDay": state.limits.renders_per_day,
            "rendersPerMonth": state.limits.renders_per_month,
            "rate": str(rate) if rate else None,
            "burst": rate.burst if rate else None,
            "warnAtPercent": state.limits.warn_at_percent,
        },
        **shown(state, without=("limits",)),
    }
