"""Finish a build: `python -m deployment.artifacts FOLDER [pack]`.

Every module is compiled to byte code, because /var/task and /opt are read-only on Lambda: without
byte code it would compile the modules at every cold start. With `pack`, each artifact is also
zipped once, so that local deployments do not zip it again.
"""

import compileall
import re
import sys
from pathlib import Path
from py_compile import PycInvalidationMode
from zipfile import ZIP_STORED, ZipFile, ZipInfo

PACKED_TEMPLATE = "packed.yaml"


def main(build: Path, *, packed: bool) -> None:
    """Compile every artifact. With `pack`, also zip each and write a template with the archives."""
    for artifact in (path for path in build.iterdir() if path.is_dir()):
        compile_modules(artifact)
        if packed:
            pack(artifact)
    if packed:
        write_packed_template(build)


def write_packed_template(build: Path) -> None:
    """Write the built template with each artifact's archive instead of its folder."""
    template = (build / "template.yaml").read_text(encoding="utf-8")
    archives = re.sub(r"^( *(?:CodeUri|ContentUri): )(\w+)$", r"\1\2.zip", template, flags=re.M)
    (build / PACKED_TEMPLATE).write_text(archives, encoding="utf-8")


def compile_modules(artifact: Path) -> None:
    """Write `__pycache__` for the whole artifact.

    Hash-based and unchecked, because unzipping changes the time of source files. Paths in the byte
    code are those on Lambda, for stack traces.
    """
    is_layer = (artifact / "python").is_dir()
    compiled = compileall.compile_dir(
        artifact,
        quiet=1,
        workers=0 if is_layer else 1,
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
        stripdir=artifact,
        prependdir="/opt" if is_layer else "/var/task",
    )
    if not compiled:
        sys.exit(f"{artifact.name} does not compile; see the error above.")


def pack(artifact: Path) -> None:
    """Write `<artifact>.zip` next to the folder: reproducible, and stored without compression,
    because it is used on this machine only.
    """
    with ZipFile(artifact.with_name(f"{artifact.name}.zip"), "w", ZIP_STORED) as archive:
        for path in sorted(path for path in artifact.rglob("*") if path.is_file()):
            entry = ZipInfo(str(path.relative_to(artifact)))
            entry.external_attr = (path.stat().st_mode & 0o777) << 16
            archive.writestr(entry, path.read_bytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]), packed="pack" in sys.argv[2:])
