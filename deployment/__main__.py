"""The Makefile's entry point: `python -m deployment bootstrap|build|release|deploy|accept`."""

import argparse
import sys
import tempfile
from pathlib import Path

from deployment import acceptance, release
from deployment.account import use_region
from deployment.bootstrap import bootstrap
from deployment.build import DEPLOYED_BUILD, build_for_deploy
from deployment.deploy import deploy
from deployment.workspace import ROOT, TaskError

_STAGES = ("dev", "staging", "prod")


def main() -> None:
    arguments = _parser().parse_args()
    try:
        match arguments.command:
            case "bootstrap":
                use_region()
                for name, value in bootstrap(arguments.stage, arguments.repository).items():
                    print(f"  {name:<26}{value}")
            case "build":
                print(f"  Built into {build_for_deploy().relative_to(ROOT)}.")
            case "release":
                print(f"  Packed into {release.pack().relative_to(ROOT)}.")
            case "deploy":
                use_region()
                _deploy(arguments.stage, arguments.release, ungated=arguments.ungated)
            case "accept":
                use_region()
                acceptance.accept(arguments.stage)
    except TaskError as error:
        sys.exit(f"\n{error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _deploy(stage: str, packed: Path | None, *, ungated: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        build = release.unpack(packed, Path(folder)) if packed else DEPLOYED_BUILD
        deploy(stage, build, ungated=ungated)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deployment")
    commands = parser.add_subparsers(dest="command", required=True)
    first = commands.add_parser("bootstrap")
    first.add_argument("stage", choices=_STAGES)
    first.add_argument("--repository", default="", help="OWNER/NAME on GitHub, if it deploys")
    commands.add_parser("build")
    commands.add_parser("release")
    deploy = commands.add_parser("deploy")
    deploy.add_argument("stage", choices=_STAGES)
    deploy.add_argument("--release", type=Path, help="a release packed by `make release`")
    deploy.add_argument("--ungated", action="store_true", help="let no alarm stop the deployment")
    commands.add_parser("accept").add_argument("stage", choices=("local", *_STAGES))
    return parser


if __name__ == "__main__":
    main()
