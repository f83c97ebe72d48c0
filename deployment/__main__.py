"""The Makefile's entry point: `python -m deployment build|release|deploy|accept`."""

import argparse
import sys
import tempfile
from pathlib import Path

from deployment import acceptance, release
from deployment.build import DEPLOYED_BUILD, build_for_deploy
from deployment.deploy import deploy
from deployment.workspace import ROOT, TaskError

_STAGES = ("dev", "staging", "prod")


def main() -> None:
    arguments = _parser().parse_args()
    try:
        match arguments.command:
            case "build":
                print(f"  Built into {build_for_deploy().relative_to(ROOT)}.")
            case "release":
                print(f"  Packed into {release.pack().relative_to(ROOT)}.")
            case "deploy":
                _deploy(arguments.stage, arguments.release)
            case "accept":
                acceptance.accept(arguments.stage)
    except TaskError as error:
        sys.exit(f"\n{error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _deploy(stage: str, packed: Path | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        build = release.unpack(packed, Path(folder)) if packed else DEPLOYED_BUILD
        deploy(stage, build)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deployment")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build")
    commands.add_parser("release")
    deploy = commands.add_parser("deploy")
    deploy.add_argument("stage", choices=_STAGES)
    deploy.add_argument("--release", type=Path, help="a release packed by `make release`")
    commands.add_parser("accept").add_argument("stage", choices=("local", *_STAGES))
    return parser


if __name__ == "__main__":
    main()
