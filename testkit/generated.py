"""Clients generated from docs/openapi.json by three generators with their defaults."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from deployment.workspace import HOME, ROOT, TOOLS

_SOURCES = ROOT / "tests" / "clients"
_FOLDER = HOME / "clients"
_PYTHON = TOOLS / "clients" / "bin"
_SECONDS = 300


def run(command: list[str | Path], **environment: str) -> str:
    """Run a command in the folder of the generated clients. Fails with its output."""
    known = os.environ | {"PATH": f"{_PYTHON}:{os.environ['PATH']}", "NO_COLOR": "1"} | environment
    done = subprocess.run(
        command, cwd=_FOLDER, env=known, capture_output=True, text=True, timeout=_SECONDS
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@cache
def tools() -> Path:
    """The folder with the generators and linters, as package-lock.json pins them."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("there is no node here")
    _FOLDER.mkdir(parents=True, exist_ok=True)
    with (_FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name in ("package.json", "package-lock.json", ".spectral.yaml"):
            shutil.copy(_SOURCES / name, _FOLDER)
        for source in _SOURCES.glob("with_*"):
            shutil.copy(source, _FOLDER)
        shutil.copy(ROOT / "docs" / "openapi.json", _FOLDER)
        wanted = hashlib.sha256((_SOURCES / "package-lock.json").read_bytes()).hexdigest()
        marker = _FOLDER / "installed.txt"
        if not marker.exists() or marker.read_text(encoding="utf-8") != wanted:
            run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"])
            marker.write_text(wanted, encoding="utf-8")
        subprocess.run([sys.executable, ROOT / "local" / "prepare.py", "clients"], check=True)
    return _FOLDER


@cache
def typescript() -> Path:
    """Both TypeScript clients and their programs, compiled."""
    folder = tools()
    run(["node_modules/.bin/openapi-typescript", "openapi.json", "-o", "schema.ts"])
    run(["node_modules/.bin/openapi-ts", "-i", "openapi.json", "-o", "hey-api"])
    # The package.json of this folder makes these files ES modules.
    programs = ["with_hey_api.mts", "with_openapi_typescript.mts"]
    options = ["--strict", "--target", "ES2022", "--module", "ES2022", "--skipLibCheck"]
    bundler = ["--moduleResolution", "bundler", "--types", "node", "--outDir", "built"]
    run(["node_modules/.bin/tsc", *options, *bundler, *programs])
    # @hey-api/openapi-ts writes imports for bundlers, without file extensions.
    bundled = ["--bundle", "--platform=node", "--format=esm", "--outdir=bundled"]
    built = [f"built/{name.removesuffix('.mts')}.mjs" for name in programs]
    run(["node_modules/.bin/esbuild", *built, *bundled, "--out-extension:.js=.mjs"])
    return folder


@cache
def python() -> Path:
    """The Python client and its program, checked by mypy."""
    folder = tools()
    shutil.rmtree(folder / "craftkit-client", ignore_errors=True)
    printed = run([_PYTHON / "openapi-python-client", "generate", "--path", "openapi.json"])
    assert "warning" not in printed.lower(), printed
    run([_PYTHON / "python", "-m", "compileall", "-q", "craftkit-client"])
    # Only the program is type-checked, not the generated code.
    checked = ["--strict", "--follow-imports", "silent", "with_openapi_python_client.py"]
    run([_PYTHON / "mypy", *checked], MYPYPATH=str(folder / "craftkit-client"))
    return folder


def run_typescript(program: str, **environment: str) -> str:
    typescript()
    return run(["node", f"bundled/{program}.mjs"], **environment)


def run_python(program: str, **environment: str) -> str:
    folder = python()
    path = str(folder / "craftkit-client")
    return run([_PYTHON / "python", f"{program}.py"], PYTHONPATH=path, **environment)


def run_tool(program: str, *arguments: str) -> str:
    """The output of a program of tests/clients, run with the Python of the `clients` tools."""
    subprocess.run([sys.executable, ROOT / "local" / "prepare.py", "clients"], check=True)
    done = subprocess.run(
        [_PYTHON / "python", _SOURCES / program, *arguments],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout
