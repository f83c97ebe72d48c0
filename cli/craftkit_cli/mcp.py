"""`craftkit mcp`: a server of the Model Context Protocol over stdin and stdout."""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from craftkit.mcp.protocol import Json, Server
from craftkit.mcp.tools import INSTRUCTIONS, Tools
from craftkit_cli.answers import Answer
from craftkit_cli.api import FromApiError, api_command
from craftkit_sdk import Craftkit
from craftkit_sdk import CraftkitError as ClientError


def add_commands(commands: Any) -> None:
    what = "serve templates and renders to an agent (Model Context Protocol over stdio)"
    api_command(commands, "mcp", _serve, what)


def _serve(_arguments: argparse.Namespace, client: Craftkit) -> Answer | str:
    """Until stdin ends. One message a line; nothing else is printed on stdout."""
    server = Server("craftkit", _version(), INSTRUCTIONS, Tools(ClientApi(client)).all())
    for line in sys.stdin.buffer:
        if line.strip() and (answer := server.answer_line(line)) is not None:
            sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
            sys.stdout.flush()
    return ""


class ClientApi:
    """The API of `craftkit.mcp.tools.Api`, over HTTP."""

    def __init__(self, client: Craftkit) -> None:
        self._client = client

    def templates(self) -> list[Json]:
        with _api_errors():
            return [dict(each) for each in self._client.templates.list()]

    def template(self, slug: str) -> Json:
        with _api_errors():
            return dict(self._client.templates.get(slug))

    def create_render(self, slug: str, data: Json) -> Json:
        with _api_errors():
            return dict(self._client.renders.create(slug, data, sync=True).wait().json)

    def picture(self, slug: str, data: Json, options: Json) -> bytes:
        with _api_errors():
            render = self._client.renders.create(slug, data, sync=True, options=options)
            return render.content()

    def render(self, id_: str) -> Json:
        with _api_errors():
            return dict(self._client.renders.get(id_).json)

    def create_version(self, slug: str, manifest: Json, source: str) -> Json:
        with _api_errors():
            made = self._client.templates.create_version(slug, manifest, source, publish=False)
            return dict(made)


@contextmanager
def _api_errors() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise FromApiError(error) from error


def _version() -> str:
    try:
        return version("craftkit")
    except PackageNotFoundError:
        return "0"
