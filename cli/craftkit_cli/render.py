"""`craftkit render SLUG`: renders a template through the API and saves the document."""

import argparse
import sys
from pathlib import Path
from typing import Any

from craftkit.errors import InvalidRequestError
from craftkit.strict_json import parse_object
from craftkit_cli.answers import Answer
from craftkit_cli.api import api_command
from craftkit_cli.files import read_json_file, write_file
from craftkit_sdk import Craftkit


def add_commands(commands: Any) -> None:
    made = api_command(commands, "render", _render, "render a document and save it", "slug")
    made.add_argument(
        "--data", metavar="FILE", help="JSON, - for stdin (default: the template's preview data)"
    )
    made.add_argument("-o", "--out", metavar="FILE", help="default: SLUG.pdf")
    made.add_argument("--version", type=int, metavar="NUMBER", help="default: the newest")
    made.add_argument("--metadata", action="append", default=[], metavar="NAME=VALUE")
    made.add_argument("--idempotency-key", metavar="KEY")
    made.add_argument("--timeout", type=float, default=120.0, metavar="SECONDS")


def _render(arguments: argparse.Namespace, client: Craftkit) -> Answer:
    render = client.renders.create(
        arguments.slug,
        _data(arguments, client),
        version_number=arguments.version,
        metadata=dict(map(_pair, arguments.metadata)),
        idempotency_key=arguments.idempotency_key,
    )
    content = render.content(arguments.timeout)
    file = Path(arguments.out or f"{arguments.slug}.pdf")
    write_file(file, content)
    shown = ("id", "status", "mode", "versionNumber", "pageCount", "sizeBytes", "warnings")
    return {**{name: render.json.get(name) for name in shown}, "file": str(file)}


def _data(arguments: argparse.Namespace, client: Craftkit) -> dict[str, Any]:
    if arguments.data == "-":
        return parse_object(sys.stdin.buffer.read())
    if arguments.data:
        return read_json_file(arguments.data)
    preview = client.templates.get(arguments.slug)["previewData"]
    if preview is None:
        message = f"--data is required: template {arguments.slug} has no published version."
        raise InvalidRequestError(message)
    return dict(preview["data"])


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidRequestError("--metadata must be NAME=VALUE, such as order=4711.")
    return name, value
