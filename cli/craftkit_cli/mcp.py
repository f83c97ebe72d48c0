"""`craftkit mcp`: a server of the Model Context Protocol over stdin and stdout."""

import argparse
import json
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from craftkit_cli.answers import Answer
from craftkit_cli.api import api_command
from craftkit_cli.mcp_protocol import Server
from craftkit_cli.mcp_tools import INSTRUCTIONS, Tools
from craftkit_sdk import Craftkit


def add_commands(commands: Any) -> None:
    what = "serve templates and renders to an agent (Model Context Protocol over stdio)"
    api_command(commands, "mcp", _serve, what)


def _serve(_arguments: argparse.Namespace, client: Craftkit) -> Answer | str:
    """Until stdin ends. One message a line; nothing else is printed on stdout."""
    server = Server("craftkit", _version(), INSTRUCTIONS, Tools(client).all())
    for line in sys.stdin.buffer:
        if line.strip() and (answer := server.answer(line)) is not None:
            sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
            sys.stdout.flush()
    return ""


def _version() -> str:
    try:
        return version("craftkit")
    except PackageNotFoundError:
        return "0"
