"""Releases: a build packed with its bill of materials, which is deployed to each stage."""

import json
import subprocess
import tarfile
from pathlib import Path

from deployment.build import build_for_deploy
from deployment.workspace import ROOT, TOOLS, TaskError

RELEASE = ROOT / "dist" / "craftkit.tar.gz"
BILL = "bill-of-materials.json"


def pack() -> Path:
    """Build for AWS and pack the build with its bill of materials, ready to be signed."""
    return pack_build(build_for_deploy(), RELEASE)


def pack_build(build: Path, release: Path) -> Path:
    (build / BILL).write_text(bill_of_materials(), encoding="utf-8")
    release.parent.mkdir(exist_ok=True)
    with tarfile.open(release, "w:gz", compresslevel=6) as archive:
        archive.add(build, arcname="build")
    (release.parent / BILL).write_bytes((build / BILL).read_bytes())
    return release


def unpack(release: Path, folder: Path) -> Path:
    """The build in a release, unpacked into `folder`.

    Raises:
        TaskError: there is no such release.
    """
    if not release.is_file():
        raise TaskError(f"There is no release at {release}. Run: make release")
    with tarfile.open(release) as archive:
        archive.extractall(folder, filter="data")
    return folder / "build"


def bill_of_materials() -> str:
    """The layers' dependencies, with versions and hashes, as CycloneDX 1.5 JSON."""
    groups = [
        part
        for folder in sorted((ROOT / "layers").glob("*/requirements.txt"))
        for part in ("--only-group", f"layer-{folder.parent.name}")
    ]
    done = subprocess.run(
        [TOOLS / "uv" / "bin" / "uv", "export", "--quiet", "--frozen", "--offline",
         "--format", "cyclonedx1.5", "--preview-features", "sbom-export", *groups],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return json.dumps(json.loads(done.stdout), indent=2) + "\n"
