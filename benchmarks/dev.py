"""The duration of `make dev` from a clean clone to its summary: the first and the second time."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measurement import Result
from deployment.workspace import ROOT
from local.emulator import free_port

_READY = re.compile(rb"Ctrl-C")
_LONGEST_SECONDS = 600


def measure() -> Iterable[Result]:
    with TemporaryDirectory() as folder:
        clone = Path(folder) / "craftkit"
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        first, again = _start(clone), _start(clone)
    yield Result(
        "dev.first",
        first,
        "s",
        target="value <= 150",
        note="tools included; packages as far as this machine has them",
    )
    yield Result("dev.again", again, "s", target="value <= 45")


def _start(clone: Path) -> float:
    """Seconds until `make dev` prints its summary. Then it is stopped."""
    command = ["make", "dev", f"PORT={free_port()}", f"AWS_PORT={free_port()}"]
    log = clone.parent / "log"
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    with log.open("wb") as output:
        started = time.monotonic()
        process = subprocess.Popen(
            command, cwd=clone, env=environment, stdin=subprocess.DEVNULL, stdout=output,
            stderr=output, start_new_session=True,
        )  # fmt: skip
        try:
            while not _READY.search(log.read_bytes()):
                if process.poll() is not None or time.monotonic() > started + _LONGEST_SECONDS:
                    raise RuntimeError(f"make dev did not start: {log.read_text()[-2000:]}")
                time.sleep(0.05)
            return time.monotonic() - started
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
