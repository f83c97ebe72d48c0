"""The dashboard's code editor, bundled: `tools/editor` → `dashboard/static/code-editor.js`.

The bundle is in the repository, so a deployment needs no Node. `tools/editor/package-lock.json`
pins its dependencies: the same sources give the same bytes, which
`tests/infrastructure/test_editor_bundle.py` verifies.
"""

import shutil
import subprocess

from deployment.workspace import HOME, ROOT

SOURCES = ROOT / "tools" / "editor"
BUNDLE = ROOT / "layers" / "pages" / "dashboard" / "static" / "code-editor.js"
_BUILD = HOME / "editor"


def build() -> bytes:
    """The bundle, made with the pinned toolchain. Needs Node and npm."""
    _BUILD.mkdir(parents=True, exist_ok=True)
    for source in SOURCES.glob("*.*"):
        shutil.copy(source, _BUILD)
    marker, lock = _BUILD / "installed.txt", (SOURCES / "package-lock.json").read_bytes()
    if not marker.exists() or marker.read_bytes() != lock:
        _run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
        marker.write_bytes(lock)
    return _run(
        "node_modules/.bin/esbuild", "main.js", "--bundle", "--minify", "--format=iife",
        "--global-name=CodeEditor", "--target=es2022", "--legal-comments=none",
        "--charset=utf8", "--log-level=error",
    )  # fmt: skip


def _run(*command: str) -> bytes:
    return subprocess.run(  # noqa: S603 a fixed command
        command, cwd=_BUILD, check=True, stdout=subprocess.PIPE, timeout=300
    ).stdout


if __name__ == "__main__":
    BUNDLE.write_bytes(build())
