"""The child process: started with an empty environment, reused, killed at its deadline."""

import ctypes
import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

from typesetting.pipes import DeadlineError, Pipes
from typst_child import wire

WORK_SECONDS = 20.0
_START_SECONDS = 20.0
_DYING_SECONDS = 5.0
_PR_SET_DUMPABLE = 4

_PACKAGES = (
    "typst_child", "typst", "pikepdf", "lxml", "zxingcpp", "PIL", "markdown_it", "mdurl", "nh3",
)  # fmt: skip
_FOLDER = Path(__file__).parent
_BOOT = (
    "import sys; sys.path[:0] = sys.argv.pop(1).split(':'); "
    "from typst_child.loop import main; main()"
)


class SandboxError(Exception):
    """The child sent no response."""


class StartError(SandboxError):
    """No child can be started. The cause is the installation, not a job."""


class TimedOutError(SandboxError):
    """The child exceeded its deadline and was killed."""


class DiedError(SandboxError):
    """The child ended while it processed the request. A new child has started since, so the request
    is the cause. `status` is the exit status; it is negative for a signal.
    """

    def __init__(self, status: int) -> None:
        super().__init__(f"the child ended with status {status}")
        self.status = status


class Sandbox:
    """One child, for one caller at a time. It starts when it is first needed."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._is_ready = False
        # Holds the files of the child's jobs. It is deleted with the child.
        self._folder: TemporaryDirectory[str] | None = None

    def warm(self) -> None:
        """Start a child without waiting until it has loaded."""
        with self._lock:
            self._living_child()

    def exchange(
        self, header: wire.Header, blobs: Sequence[bytes], seconds: float = WORK_SECONDS
    ) -> tuple[wire.Header, list[bytes]]:
        """Send one request and return its response.

        Raises:
            TimedOutError: no response within `seconds`.
            DiedError: the request made the child end.
            StartError: no child can be started.
        """
        with self._lock:
            child = self._ready_child()
            pipes = _pipes(child, seconds)
            try:
                wire.send(pipes, header, blobs)
                answer, results = wire.receive(pipes)
            except DeadlineError as error:
                self._end()
                raise TimedOutError from error
            except (EOFError, BrokenPipeError) as error:
                status = self._end(_DYING_SECONDS)
                # A child that starts has compiled a document, so the job ended the last one. If no
                # child starts, this raises StartError instead: the installation is the cause.
                self._ready_child()
                raise DiedError(status) from error
            except BaseException:
                # The pipes hold a part of this exchange: the next request would receive it.
                self._end()
                raise
            if answer.pop("retire"):
                self._end()
                self._living_child()
            return answer, results

    def close(self) -> None:
        with self._lock:
            self._end()

    def _ready_child(self) -> subprocess.Popen[bytes]:
        """A child that has loaded and has compiled its first document."""
        child = self._living_child()
        if not self._is_ready:
            try:
                wire.receive(_pipes(child, _START_SECONDS))
            except (DeadlineError, EOFError) as error:
                status = self._end(_DYING_SECONDS)
                raise StartError(f"the child did not start: status {status}") from error
            self._is_ready = True
        return child

    def _living_child(self) -> subprocess.Popen[bytes]:
        """The running child; a new one if it has ended."""
        if self._child is None or self._child.poll() is not None:
            self._end()
            _hide_from_children()
            self._folder = TemporaryDirectory(prefix="craftkit-", ignore_cleanup_errors=True)
            self._child = subprocess.Popen(  # noqa: S603
                _command(self._folder.name),
                env=_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=self._folder.name,
                bufsize=0,
            )
            for pipe in (self._child.stdin, self._child.stdout):
                assert pipe  # noqa: S101 both are
                os.set_blocking(pipe.fileno(), False)
        return self._child

    def _end(self, patience_seconds: float = 0.0) -> int:
        """End the child and return its exit status.

        Args:
            patience_seconds: time for a child that is ending, so that its own exit status is
                returned and not that of the kill.
        """
        child, self._child, self._is_ready = self._child, None, False
        if child is None or self._folder is None:
            return 0
        with suppress(subprocess.TimeoutExpired):
            child.wait(patience_seconds)
        child.kill()
        for pipe in (child.stdin, child.stdout):
            if pipe:
                with suppress(BrokenPipeError):
                    pipe.close()
        status = child.wait()
        self._folder.cleanup()
        return status


def _pipes(child: subprocess.Popen[bytes], seconds: float) -> Pipes:
    assert child.stdin and child.stdout  # noqa: S101 both are pipes
    return Pipes(child.stdin.fileno(), child.stdout.fileno(), seconds)


@cache
def _hide_from_children() -> None:
    """Hide this process's environment and memory from other processes of the same user.

    The child runs as the same user, so without this it could read the credentials in
    /proc/PID/environ. PR_SET_DUMPABLE: https://man7.org/linux/man-pages/man5/proc_pid.5.html
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _command(folder: str) -> list[str]:
    # -I and -S: the child starts faster and imports from the named folders only.
    return [
        sys.executable,
        "-ISc",
        _BOOT,
        ":".join(_import_folders()),
        folder,
        *child_arguments(),
    ]


def child_arguments() -> list[str]:
    """The arguments of the child's `Typesetter` after its folder."""
    return [str(_FOLDER), *font_folders()]


def _import_folders() -> list[str]:
    folders = [
        str(Path(spec.origin).parents[1])
        for name in _PACKAGES
        if (spec := find_spec(name)) and spec.origin
    ]
    return list(dict.fromkeys(folders))


def font_folders() -> list[str]:
    """The folders of the layer's fonts, and of the CJK layer if the function has it."""
    return [str(_FOLDER / "fonts"), *_cjk_folders()]


@cache
def _cjk_folders() -> tuple[str, ...]:
    cjk = find_spec("typesetting_cjk")
    return (str(Path(cjk.origin).parent / "fonts"),) if cjk and cjk.origin else ()


def has_cjk() -> bool:
    """Whether the function has the CJK layer."""
    return bool(_cjk_folders())


def _environment() -> dict[str, str]:
    """The child's environment: what it needs to start, and an unreachable proxy. No credentials."""
    nowhere = "http://127.0.0.1:9"
    return {
        "LD_LIBRARY_PATH": str(sysconfig.get_config_var("LIBDIR")),
        "HTTP_PROXY": nowhere,
        "HTTPS_PROXY": nowhere,
        "MALLOC_ARENA_MAX": "2",
    }
