"""An image for `sam local` without a registry: Debian, this CPython and Lambda's runtime client.

    sudo python -m testkit.sam_image

It needs Docker, `debootstrap` and root. It is tagged as SAM expects the image of AWS
(https://gallery.ecr.aws/lambda/python), so that `sam local` with `--skip-pull-image` uses it. It is
for tests: the operating system is not that of Lambda.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from deployment.build import host_architecture
from deployment.workspace import TOOLS

SUITE = "bookworm"
_LIBRARIES = (
    "ca-certificates", "libbz2-1.0", "libffi8", "liblzma5", "libncursesw6", "libreadline8",
    "libsqlite3-0", "libssl3",
)  # fmt: skip
_NOT_COPIED = ("test", "__pycache__", "*.a", "config-*", "idlelib", "site-packages", "ensurepip")
# Lambda provides boto3 in addition to the layers of a function.
_PACKAGES = ("awslambdaric>=3", "boto3")
_BOOTSTRAP = """#!/bin/sh
export PATH=/var/lang/bin:$PATH
export PYTHONPATH=/var/task:/opt/python:/var/runtime LAMBDA_TASK_ROOT=/var/task
exec /var/lang/bin/python3.13 -m awslambdaric "$_HANDLER"
"""


def tag() -> str:
    return f"public.ecr.aws/lambda/python:3.13-{host_architecture()}"


def exists() -> bool:
    """Whether Docker has the image, AWS's or this one."""
    found = subprocess.run(["docker", "image", "inspect", tag()], capture_output=True)
    return found.returncode == 0


def build(root: Path) -> None:
    """Make the image from an empty folder, or from one in which Debian is installed."""
    if not (root / "bin").exists():
        _run(
            "debootstrap", "--variant=minbase", f"--include={','.join(_LIBRARIES)}", SUITE, root,
            "http://deb.debian.org/debian",
        )  # fmt: skip
    language, runtime = root / "var" / "lang", root / "var" / "runtime"
    language.mkdir(parents=True, exist_ok=True)
    left_out = [f"--exclude={name}" for name in _NOT_COPIED]
    copied = subprocess.Popen(
        ["tar", "-C", sys.base_prefix, *left_out, "-c", "bin", "lib"], stdout=subprocess.PIPE
    )
    _run("tar", "-C", language, "-x", stdin=copied.stdout)
    _run(
        TOOLS / "uv" / "bin" / "uv", "pip", "install", "--quiet", "--python", sys.executable,
        "--target", runtime, *_PACKAGES,
    )  # fmt: skip
    # The sandbox of the typesetter starts Python without variables.
    (root / "etc" / "ld.so.conf.d" / "python.conf").write_text("/var/lang/lib\n", encoding="utf-8")
    _run("chroot", root, "ldconfig")
    bootstrap = runtime / "bootstrap"
    bootstrap.write_text(_BOOTSTRAP, encoding="utf-8")
    bootstrap.chmod(0o755)
    (root / "var" / "task").mkdir(exist_ok=True)
    packed = subprocess.Popen(
        ["tar", "-C", root, "--exclude=./proc/*", "--exclude=./sys/*", "--exclude=./var/cache/*",
         "-c", "."],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    changes = ["--change", "WORKDIR /var/task", "--change", "ENV LANG=C.UTF-8"]
    _run("docker", "import", *changes, "-", tag(), stdin=packed.stdout)


def _run(*command: object, **how: object) -> None:
    subprocess.run([str(word) for word in command], check=True, **how)  # type: ignore[call-overload]


def main() -> None:
    if exists():
        print(f"Docker has {tag()} already.")
        return
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder))
    print(f"Built {tag()}.")


if __name__ == "__main__":
    main()
