"""Prints one JSON document to stdout, or the error envelope to stderr.

render, types, listen, mcp and templates list|get|push|pull|diff call the API with an API key: of
`craftkit login`, or CRAFTKIT_API_KEY. login, logout, projects list|use and templates new|dev|test
need nothing. All other commands act on the stack of --stage and need AWS credentials.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import NoReturn

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from craftkit.errors import CraftkitError, InvalidRequestError
from craftkit.ids import new_id
from craftkit.issues import issues_of
from craftkit.stages import STAGES
from craftkit_cli import (
    audit,
    embed,
    fonts,
    hooks,
    keys,
    letterheads,
    limits,
    listen,
    login,
    mcp,
    projects,
    render,
    renders,
    seals,
    secrets,
    templates,
    trust,
    types,
    webhooks,
)
from craftkit_cli.answers import FailedAnswer
from craftkit_cli.stack import connect

_GROUPS = (
    login,
    render,
    listen,
    mcp,
    types,
    projects,
    keys,
    trust,
    limits,
    templates,
    fonts,
    letterheads,
    renders,
    hooks,
    webhooks,
    embed,
    audit,
    seals,
    secrets,
)


class Parser(argparse.ArgumentParser):
    """Reports an invalid command line as an error envelope."""

    def error(self, message: str) -> NoReturn:
        raise InvalidRequestError(f"{message[:1].upper()}{message[1:]}. See `{self.prog} --help`.")


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    root = Parser(prog="craftkit", description=__doc__)
    root.add_argument(
        "--stage",
        choices=STAGES,
        default="local",
        help="the stage to act on, for commands that need AWS (default: local)",
    )
    commands = root.add_subparsers(required=True, metavar="COMMAND")
    for group in _GROUPS:
        group.add_commands(commands)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    try:
        arguments = parser().parse_args(argv)
        operator = connect(arguments.stage) if _needs_aws(arguments) else ""
        answer = arguments.run(arguments, operator)
    except CraftkitError as error:
        return _refuse(error)
    except ValidationError as error:
        return _refuse(InvalidRequestError(issues=issues_of(error)))
    except (BotoCoreError, ClientError) as error:
        return _refuse(CraftkitError(f"An AWS request failed: {error}"))
    except Exception as error:  # callers parse the envelope, so every error is printed as one
        return _refuse(CraftkitError(f"{type(error).__name__}: {error}"))
    is_text = isinstance(answer, str)
    if answer != "":
        print(answer if is_text else json.dumps(answer, ensure_ascii=False, indent=2))
    return 1 if isinstance(answer, FailedAnswer) else 0


def _needs_aws(arguments: argparse.Namespace) -> bool:
    """Whether the command acts on the stack. A command that can also use the API does so only with
    --project."""
    needs: bool | None = getattr(arguments, "needs_aws", True)
    return bool(arguments.project) if needs is None else needs


def _refuse(error: CraftkitError) -> int:
    print(json.dumps(error.as_json(new_id()), ensure_ascii=False, indent=2), file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
