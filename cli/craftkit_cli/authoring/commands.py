"""`craftkit templates dev|test|push|pull|diff`: the commands for template authors."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from craftkit.errors import InvalidRequestError
from craftkit_cli import api
from craftkit_cli.answers import Answer, FailedAnswer
from craftkit_cli.api import api_command, call
from craftkit_cli.arguments import Run
from craftkit_cli.authoring import publication
from craftkit_cli.authoring.drawn import Draw
from craftkit_cli.authoring.folder import read_slug, read_template
from craftkit_cli.authoring.renderer import missing_packages, require_local_typst
from craftkit_cli.files import write_file
from craftkit_sdk import Craftkit

DATA_SETS = 200
DEV_PORT = 4300


def add_commands(commands: Any) -> None:
    _add_dev(commands)
    _add_test(commands)
    _add_push(commands)
    _add_pull(commands)


def _add_dev(commands: Any) -> None:
    what = "show a folder's template on a local page that follows each save"
    made = _local_command(commands, "dev", _dev, what)
    made.add_argument("--port", type=int, default=DEV_PORT, help=f"default: {DEV_PORT}")


def _dev(arguments: argparse.Namespace, _operator: str) -> Answer:
    from craftkit_cli.authoring.dev_server import DevServer

    draw, by = _draw()
    folder = Path(arguments.folder)
    if not folder.is_dir():
        read_template(folder)
    try:
        server = DevServer(folder, arguments.port, draw)
    except OSError as error:
        message = f"Port {arguments.port} is in use. Choose another with --port."
        raise InvalidRequestError(message) from error
    server.start()
    print(f"{server.url} follows {folder}, {by}. Stop with Ctrl-C.", file=sys.stderr, flush=True)
    try:
        server.wait()
    except KeyboardInterrupt:
        server.stop()
    return {"url": server.url}


def _draw() -> tuple[Draw, str]:
    """What draws the pages: Typst on this machine, else the API; and words for it."""
    missing = missing_packages()
    if not missing:
        from craftkit_cli.authoring import local_preview

        return local_preview.draw, "rendered by Typst on this machine"
    from craftkit_cli.authoring.api_preview import ApiPreview

    client = api.connect()  # before the page opens: without a key this is the error
    return ApiPreview(client).draw, (
        f"rendered through the API, because {', '.join(missing)} is not installed; each save "
        "creates a version that is not published"
    )


def _add_test(commands: Any) -> None:
    what = "check the documents of a folder's data sets and of data made from its manifest"
    made = _local_command(commands, "test", _test, what)
    made.add_argument(
        "--sets", type=int, default=DATA_SETS, metavar="NUMBER",
        help=f"how many data sets to make from the manifest (default: {DATA_SETS})",
    )  # fmt: skip
    made.add_argument("--seed", type=int, default=1, help="other data of the same kinds")
    made.add_argument("--junit", metavar="FILE", help="write the results as JUnit XML")
    made.add_argument(
        "--update", action="store_true", help="write the expected pages of the folder's data sets"
    )
    made.add_argument(
        "--output", metavar="FOLDER", help="write the data of failures, and pages that differ"
    )


def _local_command(commands: Any, name: str, run: Any, what: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = commands.add_parser(
        name, help=what, description=f"{what.capitalize()}. Needs no stack and no key."
    )
    made.add_argument("folder", metavar="FOLDER", nargs="?", default=".")
    made.set_defaults(run=run, needs_aws=False)
    return made


def _test(arguments: argparse.Namespace, _operator: str) -> Answer:
    require_local_typst()
    from craftkit_cli.authoring.checks import Checker
    from craftkit_cli.authoring.junit import junit

    template = read_template(Path(arguments.folder))
    output = Path(arguments.output) if arguments.output else None
    checker = Checker(template, update=arguments.update, pages_out=output)
    results = list(checker.run(max(arguments.sets, 0), arguments.seed))
    if arguments.junit:
        write_file(Path(arguments.junit), junit(template.settings.slug, results))
    failed = [result for result in results if result.failures]
    if output and failed:
        output.mkdir(parents=True, exist_ok=True)
        for result in failed:
            text = json.dumps(result.data_set.data, ensure_ascii=False, indent=2) + "\n"
            write_file(output / f"{_file_name(result.data_set.name)}.json", text.encode())
    answer = {
        "slug": template.settings.slug,
        "dataSets": len(results),
        "failed": len(failed),
        "failures": [
            {
                "dataSet": result.data_set.name,
                "failures": [
                    {"check": failure.check, "message": failure.message}
                    for failure in result.failures
                ],
            }
            for result in failed
        ],
    }
    return FailedAnswer(answer) if failed else answer


def _add_push(commands: Any) -> None:
    what = "create a version of a folder's template, unless the newest version has this content"
    made = api_command(commands, "push", _push, what)
    made.add_argument("folder", metavar="FOLDER", nargs="?", default=".")
    made.add_argument(
        "--no-publish", action="store_true", help="renders stay on the version that they use"
    )
    made.add_argument("--uncommitted", action="store_true", help="push files that are not in git")


def _push(arguments: argparse.Namespace, client: Craftkit) -> Answer:
    folder = Path(arguments.folder)
    template = read_template(folder)
    if not arguments.uncommitted:
        publication.require_committed(folder)
    return publication.push(template, client, publish=not arguments.no_publish)


def _add_pull(commands: Any) -> None:
    what = "write a template's files into a folder, from the newest version"
    made = api_command(commands, "pull", _pull, what)
    made.add_argument("folder", metavar="FOLDER", nargs="?", default=".")
    made.add_argument("--slug", help="default: the folder's, or its name")
    made.add_argument("--version", type=int, metavar="NUMBER", help="default: the newest")
    made.add_argument("--force", action="store_true", help="overwrite files with other content")


def _pull(arguments: argparse.Namespace, client: Craftkit) -> Answer:
    folder = Path(arguments.folder)
    slug = arguments.slug or read_slug(folder)
    return publication.pull(folder, slug, arguments.version, client, force=arguments.force)


def add_diff(commands: Any, run_versions: Run) -> None:
    """`diff FOLDER` compares a folder through the API; `diff 1 2` with --project two versions."""
    made: argparse.ArgumentParser = commands.add_parser(
        "diff",
        help="what differs between a folder and a version, or between two versions",
        description=(
            "`diff FOLDER` compares a folder with the newest version, or with --version, through "
            "the API. `diff --project ID --slug SLUG 1 2` compares two versions; it needs AWS "
            "credentials."
        ),
    )
    made.add_argument("compared", metavar="FOLDER | BEFORE AFTER", nargs="*", default=["."])
    made.add_argument("--version", type=int, metavar="NUMBER")
    made.add_argument("--project", metavar="ID")
    made.add_argument("--slug")

    def run(arguments: argparse.Namespace, operator: str) -> Answer | str:
        if not arguments.project:
            return call(_diff, arguments)
        numbers = arguments.compared
        if len(numbers) != 2 or not all(map(str.isdecimal, numbers)) or not arguments.slug:
            raise InvalidRequestError("Give --slug and two version numbers, such as 1 2.")
        arguments.before, arguments.after = map(int, numbers)
        return run_versions(arguments, operator)

    made.set_defaults(run=run, needs_aws=None)


def _diff(arguments: argparse.Namespace, client: Craftkit) -> Answer:
    if len(arguments.compared) != 1:
        raise InvalidRequestError("Give one folder, or --project, --slug and two version numbers.")
    template = read_template(Path(arguments.compared[0]))
    return publication.diff(template, arguments.version, client)


def _file_name(text: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-." else "-" for letter in text)
