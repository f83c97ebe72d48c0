"""Installs the tools, each in its own virtual environment under .local/tools.

It runs on any `python3` from 3.9 on, so it uses the standard library only. A tool whose
requirements have not changed is not installed again.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".local" / "tools"
REQUIREMENTS = Path(__file__).resolve().parent / "requirements"
LAMBDA_PYTHON = (3, 13)

# SAM CLI, ministack and the project pin conflicting versions: one environment each.
TOOL_NAMES = ("aws", "sam")
EXTRA_TOOL_NAMES = ("runtime", "scan", "scanners", "attack", "clients")


def main(names: "list[str]") -> None:
    uv = prepare_uv()
    python = prepare_python(uv)
    with ThreadPoolExecutor() as pool:
        work = [pool.submit(prepare_project, uv, python)]
        work += [pool.submit(prepare_tool, uv, python, name) for name in (*TOOL_NAMES, *names)]
        for one in work:
            one.result()


def prepare_uv() -> Path:
    """Install uv with pip."""
    home, stamp = TOOLS / "uv", digest(REQUIREMENTS / "uv.txt")
    if not is_prepared(home, stamp):
        say("Preparing uv")
        shutil.rmtree(home, ignore_errors=True)
        run(
            [sys.executable, "-m", "venv", home],
            advice="On Debian and Ubuntu: apt install python3-venv",
        )
        run([home / "bin" / "pip", "-q", "install", "-r", REQUIREMENTS / "uv.txt"])
        mark(home, stamp)
    return home / "bin" / "uv"


def prepare_python(uv: Path) -> str:
    """The path of a Python of Lambda's version: the system's, or one that uv downloads."""
    remembered = TOOLS / "python.txt"
    if remembered.exists() and is_lambda_python(remembered.read_text()):
        return remembered.read_text()
    version = ".".join(map(str, LAMBDA_PYTHON))
    name = "python" + version
    candidates = [shutil.which(name), f"/usr/bin/{name}", f"/usr/local/bin/{name}"]
    candidates += sorted(map(str, Path.home().glob(f".pyenv/versions/{version}*/bin/{name}")))
    python = next((path for path in candidates if path and is_lambda_python(path)), None)
    if python is None:
        say(f"Fetching Python {version}")
        run([uv, "python", "install", "--quiet", version])
        python = run([uv, "python", "find", "--managed-python", version]).strip()
    remembered.write_text(python)
    return python


def is_lambda_python(path: str) -> bool:
    """Whether it runs, has the version, and can create environments. A pyenv shim may fail."""
    probe = f"import ensurepip, ssl, sys; sys.exit(sys.version_info[:2] != {LAMBDA_PYTHON})"
    try:
        return subprocess.run([path, "-c", probe], capture_output=True).returncode == 0
    except OSError:
        return False


def prepare_project(uv: Path, python: str) -> None:
    """Install the development environment from uv.lock."""
    home, stamp = ROOT / ".venv", digest(ROOT / "pyproject.toml", ROOT / "uv.lock")
    if not is_prepared(home, stamp):
        say("Preparing .venv")
        run([uv, "sync", "--quiet", "--frozen", "--python", python], cwd=ROOT)
        mark(home, stamp)


def prepare_tool(uv: Path, python: str, name: str) -> None:
    home, requirements = TOOLS / name, REQUIREMENTS / f"{name}.txt"
    stamp = digest(requirements)
    if not is_prepared(home, stamp):
        say(f"Preparing {name}")
        # With pip, which `sam build` needs next to its Python.
        run([uv, "venv", "--quiet", "--clear", "--seed", "--python", python, home])
        there = home / "bin" / "python"
        run([uv, "pip", "install", "--quiet", "--python", there, "-r", requirements])
        mark(home, stamp)


def digest(*paths: Path) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def is_prepared(home: Path, stamp: str) -> bool:
    marker = home / "prepared.txt"
    return marker.exists() and marker.read_text() == stamp


def mark(home: Path, stamp: str) -> None:
    (home / "prepared.txt").write_text(stamp)


def run(command: "list[str | Path]", advice: str = "", cwd: "Path | None" = None) -> str:
    """Run a command and return its output. On failure, print its last lines and exit."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "UV_PYTHON")
    }
    done = subprocess.run(command, env=environment, cwd=cwd, text=True, capture_output=True)
    if done.returncode != 0:
        lines = (done.stdout + done.stderr).strip().splitlines()[-15:]
        failed = " ".join(map(str, command))
        sys.exit("\n".join(["", f"This failed: {failed}", *lines, advice]))
    return done.stdout


def say(sentence: str) -> None:
    print(f"  {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    TOOLS.mkdir(parents=True, exist_ok=True)
    with (TOOLS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two targets can start at the same time
        main([name for name in EXTRA_TOOL_NAMES if name in sys.argv[1:]])
