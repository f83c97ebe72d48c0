"""The embedded AWS: ministack in its own process group, on the loopback interface only."""

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from deployment.workspace import TOOLS, TaskError, environment, tail

_START_SECONDS = 60
_STOP_SECONDS = 3


class Emulator:
    """A running ministack, IAM enforced.

    Args:
        port: where it will listen on 127.0.0.1.
        home: its log and its functions' unpacked code go in here.
    """

    def __init__(self, port: int, home: Path) -> None:
        # An IP address, because not every machine resolves BUCKET.localhost.
        self.url = f"http://127.0.0.1:{port}"
        self._log = home / "logs" / "ministack.log"
        self._unpacked = home / "unpacked"
        shutil.rmtree(self._unpacked, ignore_errors=True)
        self._unpacked.mkdir(parents=True)
        self._log.parent.mkdir(parents=True, exist_ok=True)
        # Functions inherit this environment, so it contains only what the emulator reads.
        env = environment() | {
            "AUTH": "true",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            # The quota of an AWS account; the emulator's own depends on the machine's memory.
            "LAMBDA_ACCOUNT_CONCURRENCY": "1000",
            "LAMBDA_EXECUTOR": "local",
            "STATE_DIR": str(self._unpacked / "state"),
            "TMPDIR": str(self._unpacked),
            "PYTHONUNBUFFERED": "1",
        }
        del env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"]
        with self._log.open("w", encoding="utf-8") as output:
            self._process = subprocess.Popen(
                [TOOLS / "aws" / "bin" / "python", "-P", Path(__file__).parent / "embedded_aws.py"],
                env=env, cwd=home, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def wait_until_ready(self) -> None:
        """Return when it responds.

        Raises:
            TaskError: it stopped, or did not respond within a minute.
        """
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if not self.is_running:
                raise TaskError(f"The embedded AWS stopped immediately.\n{tail(self._log)}")
            if is_answering(self.url):
                return
            time.sleep(0.05)
        raise TaskError(f"The embedded AWS does not respond at {self.url}.\n{tail(self._log)}")

    def failure(self) -> TaskError:
        """The error to raise when it stopped unexpectedly."""
        return TaskError(f"The embedded AWS stopped.\n{tail(self._log)}")

    def stop(self) -> None:
        """Stop it and every function that it runs."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, number)
            except ProcessLookupError:
                break
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                continue
        shutil.rmtree(self._unpacked, ignore_errors=True)


def is_answering(url: str) -> bool:
    """Whether an embedded AWS responds."""
    try:
        with urllib.request.urlopen(f"{url}/_ministack/health", timeout=2) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def is_free(port: int) -> bool:
    """Whether the port is free on the loopback interface."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port that is free at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
