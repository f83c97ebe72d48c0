"""The tracked files contain no secrets or build output, and are consistent."""

import getpass
import re
import socket
import subprocess
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from craftkit.stages import STAGES
from deployment.template import read_template
from deployment.workspace import TOOLS
from testkit.template import ROOT

TEXT_LIMIT_BYTES = 2 * 1024 * 1024
PUBLIC_INDEX = {"pypi.org", "files.pythonhosted.org"}


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def texts() -> list[tuple[Path, str]]:
    found = []
    for path in tracked():
        if path.stat().st_size <= TEXT_LIMIT_BYTES:
            try:
                found.append((path, path.read_text(encoding="utf-8")))
            except UnicodeDecodeError:
                continue
    return found


def test_no_tracked_file_names_this_machine() -> None:
    names = {f"{ROOT}/", f"{Path.home()}/", f"{getpass.getuser()}@{socket.gethostname()}"}
    # A short host name could be any word.
    if len(socket.gethostname()) >= 8:
        names.add(socket.gethostname())
    for path, text in texts():
        for name in names:
            assert name not in text, f"{path.relative_to(ROOT)} names {name}"


def test_no_tracked_file_is_a_build_output() -> None:
    made = (".local", ".venv", ".aws-sam", "out", "__pycache__")
    for path in tracked():
        assert not set(path.relative_to(ROOT).parts) & set(made), path


def test_no_tracked_file_holds_a_key() -> None:
    """A key that passes its own checksum is a key, of whichever stage."""
    from craftkit.auth.api_key import stage_of

    for path, text in texts():
        for key in re.findall(r"ck_(?:live|test)_[0-9A-Za-z]{38}", text):
            if (
                path.is_relative_to(ROOT / "tests")
                or path.is_relative_to(ROOT / "testkit")
                or path.is_relative_to(ROOT / "events")
            ):
                assert stage_of(key) != "prod", path
            else:
                assert stage_of(key) is None, path


def test_the_lock_file_uses_the_public_index_only() -> None:
    text = (ROOT / "uv.lock").read_text(encoding="utf-8")
    hosts = {urlsplit(url).hostname for url in re.findall(r'https?://[^"]+', text)}
    assert hosts <= PUBLIC_INDEX


@pytest.mark.parametrize("layer", ["craftkit", "pages", "typesetting"])
def test_a_layers_requirements_match_the_lock_file(layer: str) -> None:
    """`make pins` writes them: what is tested here is what is deployed."""
    exported = subprocess.run(
        [
            TOOLS / "uv" / "bin" / "uv", "export", "--quiet", "--frozen", "--offline",
            "--only-group", f"layer-{layer}", "--no-annotate", "--no-header",
        ],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    written = (ROOT / "layers" / layer / "requirements.txt").read_text(encoding="utf-8")
    assert written == exported, "make pins"


@pytest.mark.parametrize("layer", ["craftkit", "pages", "typesetting"])
def test_every_requirement_of_a_layer_has_its_hashes(layer: str) -> None:
    """pip then installs nothing without a hash, and nothing with another (`--require-hashes`)."""
    text = (ROOT / "layers" / layer / "requirements.txt").read_text(encoding="utf-8")
    requirements = re.split(r"\n(?=\S)", text.strip())
    assert requirements
    for requirement in requirements:
        assert re.match(r"[\w.\[\]-]+==[^\s]+", requirement), requirement
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", requirement), requirement


def test_a_layer_does_not_contain_packages_of_the_lambda_runtime() -> None:
    for requirements in (ROOT / "layers").glob("*/requirements.txt"):
        names = {line.split("==")[0] for line in requirements.read_text().splitlines()}
        assert not names & {"boto3", "botocore", "urllib3", "s3transfer"}, requirements


def test_every_tool_is_pinned_to_one_version() -> None:
    for requirements in (ROOT / "local" / "requirements").glob("*.txt"):
        for line in requirements.read_text(encoding="utf-8").splitlines():
            assert re.match(r"[\w.\[\]-]+==[\w.]+", line), f"{requirements.name}: {line}"


def test_samconfig_is_complete_for_every_stage() -> None:
    """Stages inherit nothing from default."""
    settings = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    assert {"default", *STAGES} <= set(settings)
    # Without `--config-env` there is no stack to deploy to.
    assert "global" not in settings["default"]
    assert "deploy" not in settings["default"]
    for stage in STAGES:
        deploy = settings[stage]["deploy"]["parameters"]
        assert settings[stage]["global"]["parameters"]["stack_name"] == f"craftkit-{stage}"
        assert deploy["resolve_s3"] is True
        assert deploy["capabilities"] == "CAPABILITY_IAM"
        assert settings[stage]["build"]["parameters"]["cached"] is True
        if stage != "local":
            # The roles of a stage are denied what carries another stage's tag.
            assert f"stage={stage}" in deploy["tags"].split()
    assert settings["prod"]["deploy"]["parameters"]["confirm_changeset"] is True


def test_the_license_file_matches_the_declared_license() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert project["license"] == "Apache-2.0"
    assert "Apache License\n" in licence
    assert "END OF TERMS AND CONDITIONS" in licence


def test_the_readmes_test_command_is_a_target_of_the_makefile() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    commands = set(re.findall(r"`make ([a-z-]+)", readme)) | set(
        re.findall(r"^ *make ([a-z-]+)", readme, re.MULTILINE)
    )
    assert {"dev", "test"} <= commands
    assert commands <= targets | {"deploy-staging", "deploy-prod"}


def test_yaml_files_are_yaml() -> None:
    for path in tracked():
        if path.suffix in (".yml", ".yaml"):
            assert read_template(path), path
