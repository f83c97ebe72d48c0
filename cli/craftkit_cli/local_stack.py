"""The stack that `make dev` or `make stage` runs on this machine, by the file that it wrote."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def local_stack(stage: str = "local") -> dict[str, Any] | None:
    """The file of a stack that runs on this machine, from this folder upwards; None without one.

    A file whose addresses are not this machine's is ignored: somebody else could have put it into
    a folder, to be sent what a command sends.
    """
    name = "stack.json" if stage == "local" else f"stack.{stage}.json"
    for folder in (Path.cwd(), *Path.cwd().parents, Path(__file__).resolve().parents[2]):
        file = folder / ".local" / name
        if file.exists():
            stack: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            addresses = (stack["apiUrl"], stack["awsEndpointUrl"])
            if all(urlsplit(each).hostname in LOOPBACK for each in addresses):
                return stack
    return None
