"""The child process: started with nothing, kept warm, killed when it takes too long."""

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
    """The child gave no answer."""


class StartError(SandboxError):
    """No child can be started: a fault of this installation, and not of any job."""


class TimedOutError(SandboxError):
    """The child was killed because its time was up."""


class DiedError(SandboxError):
    """The child ended while it worked on the request, and a new one has started since: so the
    request is the cause. `status` is the exit status, negative for a signal.
    """

    def __init__(self, status: int) -> None:
        super().__init__(f"the child ended with status {status}")
        self.status = status


class Sandbox:
    """One child at a time, for one caller at a time; started when it is first needed."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._is_ready = False
        # The child's own, for the files of its jobs. It is deleted with the child.
        self._folder: TemporaryDirectory[str] | None = None

    def warm(self) -> None:
        """Start a child. It loads while the caller goes on."""
        with self._lock:
            self._living_child()

    def exchange(
        self, header: wire.Header, blobs: Sequence[bytes], seconds: float = WORK_SECONDS
    ) -> tuple[wire.Header, list[bytes]]:
        """One request, one answer.

        Raises:
            TimedOutError: there was no answer in time.
            DiedError: the request brought the child down.
            StartError: there is no child to send it to.
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
                # What ends every child is no job's fault. A child that starts has set a document.
                self._ready_child()
                raise DiedError(status) from error
            except BaseException:
                # Half an exchange is in the pipes: the next request would get its answer.
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
        """A child that has loaded itself and set its first document."""
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
        """The present child, or a new one where it has ended meanwhile."""
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
        """End the child. One that is dying is given time, so that its exit status is its own."""
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
    """Close this process's environment and memory to other processes of its user.

    The child runs as the same user, so without this it could read the credentials in
    /proc/PID/environ. PR_SET_DUMPABLE: https://man7.org/linux/man-pages/man5/proc_pid.5.html
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _command(folder: str) -> list[str]:
    # Isolated and without `site`: it starts sooner, and imports from the named folders alone.
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
    """Our own fonts, and those of the CJK layer where the function carries it."""
    return [str(_FOLDER / "fonts"), *_cjk_folders()]


@cache
def _cjk_folders() -> tuple[str, ...]:
    cjk = find_spec("typesetting_cjk")
    return (str(Path(cjk.origin).parent / "fonts"),) if cjk and cjk.origin else ()


def has_cjk() -> bool:
    """Whether the function carries the CJK layer."""
    return bool(_cjk_folders())


def _environment() -> dict[str, str]:
    """What the child needs to start, and a proxy that leads nowhere. No credential, no address."""
    nowhere = "http://127.0.0.1:9"
    return {
        "LD_LIBRARY_PATH": str(sysconfig.get_config_var("LIBDIR")),
        "HTTP_PROXY": nowhere,
        "HTTPS_PROXY": nowhere,
        "MALLOC_ARENA_MAX": "2",
    }
