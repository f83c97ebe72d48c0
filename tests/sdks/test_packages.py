"""Both SDKs are built as packages for publishing."""

import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from deployment.workspace import ROOT, TOOLS

SDKS = ROOT / "sdks"


def test_python__is_a_typed_wheel_with_one_dependency(tmp_path: Path) -> None:
    command = [TOOLS / "uv" / "bin" / "uv", "build", "--quiet", "--out-dir", tmp_path]
    subprocess.run([*command, SDKS / "python"], check=True, timeout=300)
    (wheel,) = tmp_path.glob("craftkit_sdk-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = [name for name in names if name.endswith("METADATA")]
        text = archive.read(metadata).decode()
    assert "craftkit_sdk/py.typed" in names
    assert [line for line in text.splitlines() if line.startswith("Requires-Dist")] == [
        "Requires-Dist: httpx>=0.27"
    ]
    (source,) = tmp_path.glob("craftkit_sdk-*.tar.gz")
    assert tarfile.is_tarfile(source)


def test_command__can_be_installed_and_started_without_aws(tmp_path: Path) -> None:
    uv = TOOLS / "uv" / "bin" / "uv"
    build = [uv, "build", "--quiet", "--wheel", "--out-dir", tmp_path, ROOT]
    subprocess.run(build, check=True, timeout=300)
    (wheel,) = tmp_path.glob("craftkit-*.whl")
    home = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True, timeout=120)
    install = [uv, "pip", "install", "--quiet", "--python", home / "bin" / "python", wheel]
    subprocess.run(install, check=True, timeout=300)
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}

    def craftkit(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [home / "bin" / "craftkit", *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def code_of(*words: str) -> str:
        done = craftkit(*words)
        assert done.returncode == 1
        return str(json.loads(done.stderr)["error"]["code"])

    assert json.loads(craftkit("projects", "list").stdout) == {"projects": []}
    assert craftkit("templates", "new", "invoice").returncode == 0
    # Without Typst, `dev` renders through the API, which needs a key.
    for words in (["render", "invoice"], ["templates", "dev", "invoice"], ["mcp"]):
        assert code_of(*words) == "missing_authorization", words
    assert code_of("templates", "test", "invoice") == "invalid_request"
