"""The Makefile's way in: `python -m local dev|stage|logs|build|…`."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from local import acceptance, dev, docker, logs, release, scan
from local.build import DEPLOYED_BUILD, build_for_deploy
from local.stack import running
from local.tools import HOME, ROOT, TOOLS, LocalError, environment

_STAGES = ("dev", "staging", "prod")


def main() -> None:
    arguments = _parser().parse_args()
    try:
        match arguments.command:
            case "dev":
                dev.dev(arguments.port, arguments.aws_port, arguments.home.resolve())
            case "stage":
                dev.stage(arguments.stage, arguments.port, arguments.home.resolve())
            case "build":
                print(f"  Built into {build_for_deploy().relative_to(ROOT)}.")
            case "deploy":
                _deploy(arguments.stage, arguments.release)
            case "release":
                print(f"  Packed into {release.pack().relative_to(ROOT)}.")
            case "accept":
                acceptance.accept(arguments.stage)
            case "scan":
                scan.scan()
            case "audit":
                if report := scan.audit(strict=True):
                    raise LocalError(report)
            case "validate":
                _validate()
            case "logs":
                logs.follow(running(HOME).aws_endpoint_url)
            case "invoke":
                docker.invoke(arguments.function)
            case "sam-api":
                docker.serve(arguments.port)
    except LocalError as error:
        sys.exit(f"\n{error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _deploy(stage: str, packed: Path | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        build = release.unpack(packed, Path(folder)) if packed else DEPLOYED_BUILD
        release.deploy(stage, build)


def _validate() -> None:
    """Hand over to `sam validate --lint`, which is cfn-lint with SAM's own rules."""
    sam = TOOLS / "sam" / "bin" / "sam"
    os.chdir(ROOT)
    os.execve(sam, ["sam", "validate", "--lint", "--template-file", "template.yaml"], environment())


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
    commands.add_parser("build")
    commands.add_parser("logs")
    commands.add_parser("validate")
    commands.add_parser("scan")
    commands.add_parser("audit")
    commands.add_parser("release")
    deploy = commands.add_parser("deploy")
    deploy.add_argument("stage", choices=_STAGES)
    deploy.add_argument("--release", type=Path, help="what `make release` packed, not built here")
    commands.add_parser("accept").add_argument("stage", choices=("local", *_STAGES))
    commands.add_parser("invoke").add_argument("function")
    commands.add_parser("sam-api").add_argument("--port", type=int)
    return parser


if __name__ == "__main__":
    main()
