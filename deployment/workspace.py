"""Paths of the repository, and a function that runs a tool and reports its log on failure."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".local"
TOOLS = HOME / "tools"
BIN = ROOT / ".venv" / "bin"

REGION = "us-east-1"
_LAST_LINES = 15
_KEPT = ("HOME", "LANG", "LC_ALL", "PATH", "TERM", "TMPDIR")


class TaskError(Exception):
    """A failed task. The message says what happened and what to do."""


def environment(endpoint: str | None = None) -> dict[str, str]:
    """The environment variables for a tool, without the user's AWS credentials.

    Args:
        endpoint: the URL of the embedded AWS, for a tool that calls it.
    """
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    kept["PATH"] = f"{TOOLS / 'sam' / 'bin'}:{kept['PATH']}"
    kept |= {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAM_CLI_TELEMETRY": "0",
    }
    if endpoint:
        kept["AWS_ENDPOINT_URL"] = endpoint
    return kept


def run(command: Sequence[str | Path], *, log: Path, env: Mapping[str, str]) -> None:
    """Run a tool with its output in `log`.

    Raises:
        TaskError: it failed; carries the last lines of the log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as output:
        # Its own process group: Ctrl-C reaches this process only, which stops others in order.
        done = subprocess.run(
            command, env=env, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, process_group=0,
        )  # fmt: skip
    if done.returncode != 0:
        raise TaskError(f"{_name(command)} failed.\n{tail(log)}")


def tail(log: Path) -> str:
    """The last lines of a log, under its name."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    shown = "\n".join(f"    {line}" for line in lines[-_LAST_LINES:] if line.strip())
    return f"  The last lines of {log}:\n{shown}"


def _name(command: Sequence[str | Path]) -> str:
    return " ".join([Path(command[0]).name, *map(str, command[1:2])])
