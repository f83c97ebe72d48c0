"""The TypeScript client: its own tests, 5,000 renders against loopback, and its README."""

import gzip
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_socket

from deployment.workspace import HOME, ROOT
from tests.sdks.stub import PDF, Stub

SOURCES = ROOT / "sdks" / "typescript"
README = SOURCES / "README.md"
SIZE_LIMIT_BYTES = 8 * 1024
NPM = ["npm", "--no-audit", "--no-fund", "--ignore-scripts"]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built in a folder of its own, with what package-lock.json pins."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("there is no node here")
    folder = HOME / "sdk-typescript"
    lock = (SOURCES / "package-lock.json").read_text(encoding="utf-8")
    marker = folder / "installed.txt"
    ignored = shutil.ignore_patterns("node_modules", "dist")
    shutil.copytree(SOURCES, folder, ignore=ignored, dirs_exist_ok=True)
    if not marker.exists() or marker.read_text(encoding="utf-8") != lock:
        subprocess.run([*NPM, "ci"], cwd=folder, check=True, capture_output=True, timeout=300)
        marker.write_text(lock, encoding="utf-8")
    shutil.rmtree(folder / "dist", ignore_errors=True)
    run(["node_modules/.bin/tsc"], folder)
    return folder


@pytest.fixture(autouse=True)
def loopback() -> Iterator[None]:
    pytest_socket.enable_socket()
    yield
    pytest_socket.disable_socket(allow_unix_socket=True)


def run(command: list[str], folder: Path, **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_its_own_tests_pass(package: Path) -> None:
    run(["node", "--test", "test/client.test.mjs"], package)


def test_5000_creates__with_a_tenth_of_faults_make_exactly_5000_renders(package: Path) -> None:
    stub = Stub(fault_rate=0.1)
    printed = run(
        ["node", "test/many.mjs"], package, CRAFTKIT_API_KEY="ck_test_x", CRAFTKIT_BASE_URL=stub.url
    )
    stub.stop()
    assert int(printed) == len(stub.renders) == 5000
    assert stub.calls["POST /v1/templates/invoice/render"] > 5300


def test_the_package_is_small_and_has_no_dependency(package: Path) -> None:
    code = b"".join(file.read_bytes() for file in sorted((package / "dist").glob("*.js")))
    assert len(gzip.compress(code)) <= SIZE_LIMIT_BYTES
    described = json.loads((package / "package.json").read_text(encoding="utf-8"))
    assert not {"dependencies", "peerDependencies"} & set(described)
    # Edge runtimes have none of Node's modules; `save` alone asks for one, where it is called.
    assert b'from "node:' not in code and b"require(" not in code


def test_the_package_contains_types_and_readme(package: Path, tmp_path: Path) -> None:
    run([*NPM, "pack", "--pack-destination", str(tmp_path)], package)
    (packed,) = tmp_path.glob("craftkit-sdk-*.tgz")
    names = subprocess.run(
        ["tar", "tzf", packed], check=True, capture_output=True, text=True
    ).stdout.split()
    assert {"package/dist/index.js", "package/dist/index.d.ts", "package/README.md"} <= set(names)
    assert not [name for name in names if "test" in name or "src/" in name]


def snippets() -> list[str]:
    return re.findall(r"```ts\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def test_readme__its_snippets_compile_and_run_as_printed(package: Path, tmp_path: Path) -> None:
    folder = package / "snippets"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    files = [folder / f"snippet{number}.mts" for number in range(len(snippets()))]
    for file, code in zip(files, snippets(), strict=True):
        file.write_text(code, encoding="utf-8")
    options = ["--strict", "--target", "ES2022", "--module", "NodeNext", "--types", "node"]
    run(["node_modules/.bin/tsc", *options, *(str(file) for file in files)], package)
    stub = Stub()
    for file in files:
        script = str(file.with_suffix(".mjs"))
        known = {"CRAFTKIT_API_KEY": "ck_test_x", "CRAFTKIT_BASE_URL": stub.url}
        run(["node", script], tmp_path, **known)
    stub.stop()
    assert (tmp_path / "invoice.pdf").read_bytes() == PDF
