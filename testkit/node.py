"""Runs Node scripts that verify tokens with JavaScript libraries: tests/node."""

import fcntl
import json
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from deployment.workspace import HOME, ROOT

_SOURCES = ROOT / "tests" / "node"
_INSTALLED = HOME / "node"


def run(script: str, given: object) -> Any:
    """The JSON output of a script of tests/node. Skips the test if Node is not installed."""
    answer = subprocess.run(
        ["node", script],
        cwd=_installed(),
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(answer.stdout)


@cache
def _installed() -> Path:
    """The folder with the scripts and their dependencies, pinned by package-lock.json."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("there is no node here to verify with")
    _INSTALLED.mkdir(parents=True, exist_ok=True)
    for source in _SOURCES.glob("*.*"):
        shutil.copy(source, _INSTALLED)
    lock = (_SOURCES / "package-lock.json").read_text(encoding="utf-8")
    marker = _INSTALLED / "installed.txt"
    # Several workers of one test run may come here at once, and npm empties the folder first.
    with (_INSTALLED / "installing.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not marker.exists() or marker.read_text(encoding="utf-8") != lock:
            subprocess.run(
                ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
                cwd=_INSTALLED,
                check=True,
                capture_output=True,
                timeout=300,
            )
            marker.write_text(lock, encoding="utf-8")
    return _INSTALLED
