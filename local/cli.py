"""Runs the operator's CLI as a process and parses its JSON output."""

import json
import subprocess
from pathlib import Path
from typing import Any

from deployment.workspace import BIN, ROOT, TaskError, environment


class CommandError(TaskError):
    """The CLI returned an error. `code` is the code of its error envelope."""

    def __init__(self, command: str, code: str, message: str) -> None:
        super().__init__(f"craftkit {command}: {message}")
        self.code = code


class Operator:
    """`craftkit --stage STAGE …` against the embedded AWS at `endpoint`."""

    def __init__(self, stage: str, endpoint: str) -> None:
        self._stage = stage
        self._environment = environment(endpoint)

    def __call__(self, *arguments: str | Path, stdin: str = "") -> Any:
        """Run one command and return what it printed, parsed.

        Raises:
            CommandError: the command failed, with or without an error envelope.
        """
        done = subprocess.run(
            [BIN / "craftkit", "--stage", self._stage, *arguments],
            input=stdin, env=self._environment, cwd=ROOT, text=True, capture_output=True,
        )  # fmt: skip
        if done.returncode == 0:
            return json.loads(done.stdout)
        command = " ".join(str(argument) for argument in arguments[:2])
        try:
            error = json.loads(done.stderr)["error"]
        except (ValueError, KeyError, TypeError):
            raise CommandError(command, "internal", done.stderr.strip()) from None
        raise CommandError(command, error["code"], error["message"])
