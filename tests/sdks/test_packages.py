"""Both clients are built as the packages that are published."""

import subprocess
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
