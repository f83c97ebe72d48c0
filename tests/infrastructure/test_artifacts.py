"""Deployed functions need only their own code, their layers and boto3."""

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import pytest

from deployment.build import build_for_deploy, build_for_host
from testkit.template import template

# What Lambda's Python brings, boto3 and what it stands on: nothing else of this environment.
RUNTIME_PACKAGES = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")
LAMBDA_LIMIT_BYTES = 250 * 1024 * 1024
LAMBDA_GLIBC = (2, 34)  # Amazon Linux 2023
AARCH64 = 183  # in an ELF header: e_machine, at byte 18

# A function is given its folder and its layers, as Lambda puts them on the path, and no variables:
# nothing may be read from the environment before the first event.
IMPORT = """
import sys
sys.path[:0] = sys.argv[1:]
import app
assert callable(app.handler)
"""


@pytest.fixture(scope="session")
def built() -> Path:
    return build_for_host()


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runtime")
    for name in RUNTIME_PACKAGES:
        spec = find_spec(name)
        assert spec, name
        assert spec.origin, name
        module = Path(spec.origin)
        source = module.parent if module.name == "__init__.py" else module
        (folder / source.name).symlink_to(source)
    return folder


def layers_of(function: str) -> list[str]:
    return [layer["Ref"] for layer in template().functions[function]["Layers"]]


def test_each_function_imports_with_its_layers_and_boto3_only(built: Path, runtime: Path) -> None:
    def attempt(function: str) -> tuple[str, str]:
        layers = [str(built / layer / "python") for layer in layers_of(function)]
        # Isolated, without `site`: this environment's packages cannot be seen.
        command = [sys.executable, "-I", "-S", "-B", "-c", IMPORT]
        done = subprocess.run(
            [*command, str(built / function), *layers, str(runtime)],
            env={},
            text=True,
            capture_output=True,
        )
        return function, done.stderr if done.returncode else ""

    with ThreadPoolExecutor(2) as pool:
        failures = {name: error for name, error in pool.map(attempt, template().functions) if error}
    assert not failures, "\n".join(f"{name}:\n{error}" for name, error in failures.items())


def test_the_import_test_uses_an_isolated_interpreter(runtime: Path) -> None:
    command = [sys.executable, "-I", "-S", "-c", "import sys; sys.path[:0] = sys.argv[1:]"]
    for package in ("pydantic", "aws_lambda_powertools", "typst", "pytest", "craftkit"):
        done = subprocess.run(
            [*command[:-1], f"{command[-1]}\nimport {package}", str(runtime)],
            env={},
            capture_output=True,
        )
        assert b"ModuleNotFoundError" in done.stderr, package


def test_a_functions_package_has_only_its_own_module(built: Path) -> None:
    for function in template().functions:
        found = {path.name for path in (built / function).rglob("*") if path.is_file()}
        modules = {name for name in found if name.endswith(".py")}
        assert "app.py" in modules, function
        assert not any(name.endswith((".so", ".dist-info")) for name in found), function


def test_every_module_has_its_byte_code(built: Path) -> None:
    """Lambda's folders are read-only: without byte code, each cold start compiles modules."""
    modules = [*built.rglob("*.py")]
    assert len(modules) > 500
    for module in modules:
        cached = module.parent / "__pycache__" / f"{module.stem}.cpython-313.pyc"
        assert cached.exists(), module.relative_to(built)
        # Unchecked: unpacking gives the sources new times, which must not void it.
        assert cached.read_bytes()[4:8] == b"\x01\x00\x00\x00", module.relative_to(built)


def test_every_function_fits_lambda(built: Path) -> None:
    sizes = {
        path.name: sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        for path in built.iterdir()
        if path.is_dir()
    }
    for function in template().functions:
        size = sizes[function] + sum(sizes[layer] for layer in layers_of(function))
        assert size <= LAMBDA_LIMIT_BYTES, (function, size)


def test_binaries_are_arm64_and_compatible_with_lambdas_glibc() -> None:
    libraries = [
        path for path in build_for_deploy().rglob("*.so*") if path.read_bytes()[:4] == b"\x7fELF"
    ]
    assert {path.name.split(".")[0] for path in libraries} >= {"_pydantic_core", "_typst", "_core"}
    for path in libraries:
        content = path.read_bytes()
        assert int.from_bytes(content[18:20], "little") == AARCH64, path.name
        wanted = {tuple(map(int, each)) for each in re.findall(rb"GLIBC_(\d+)\.(\d+)", content)}
        assert max(wanted, default=LAMBDA_GLIBC) <= LAMBDA_GLIBC, path.name


def test_the_local_build_is_for_this_machine_and_the_template_for_arm64(built: Path) -> None:
    layers = template().of_type("AWS::Serverless::LayerVersion")
    for name, layer in layers.items():
        assert layer["CompatibleArchitectures"] == ["arm64"], name
        metadata = template().resources[name]["Metadata"]
        assert metadata == {"BuildMethod": "python3.13", "BuildArchitecture": "arm64"}, name
    extensions = [path.name for path in (built / "CraftkitLayer").rglob("*.so")]
    here = json.loads(
        subprocess.run(
            [sys.executable, "-c", "import json, sysconfig; print(json.dumps("
             "sysconfig.get_config_var('EXT_SUFFIX')))"],
            capture_output=True,
            check=True,
        ).stdout
    )  # fmt: skip
    assert any(name.endswith(here) for name in extensions)
