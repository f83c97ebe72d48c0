"""The Makefile's entry point for the local stack: `python -m local dev|stage|logs|…`."""

import argparse
import shlex
import sys
from pathlib import Path

from deployment.workspace import HOME, TaskError
from local import dev, docker, logs
from local.stack import running

_STAGES = ("dev", "staging", "prod")


def main() -> None:
    arguments = _parser().parse_args()
    try:
        match arguments.command:
            case "dev":
                dev.dev(arguments.port, arguments.aws_port, arguments.home.resolve())
            case "stage":
                dev.stage(arguments.stage, arguments.port, arguments.home.resolve())
            case "logs":
                logs.follow(running(HOME).aws_endpoint_url)
            case "invoke":
                docker.invoke(arguments.function, shlex.split(arguments.args), arguments.home)
            case "sam-api":
                docker.serve(arguments.port, shlex.split(arguments.args), arguments.home)
    except TaskError as error:
        sys.exit(f"\n{error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("dev", "stage"):
        command = commands.add_parser(name)
        if name == "stage":
            command.add_argument("stage", choices=_STAGES)
        command.add_argument("--port", type=int)
        command.add_argument("--aws-port", type=int)
        command.add_argument("--home", type=Path, default=HOME)
    commands.add_parser("logs")
    invoke = commands.add_parser("invoke")
    invoke.add_argument("function", nargs="?")
    sam_api = commands.add_parser("sam-api")
    sam_api.add_argument("--port", type=int)
    sam_api.add_argument("--aws-port", type=int, help="ignored: the running stack has its own")
    for command in (invoke, sam_api):
        command.add_argument("--args", default="", help="further arguments of sam local")
        command.add_argument("--home", type=Path, default=HOME)
    return parser


if __name__ == "__main__":
    main()
