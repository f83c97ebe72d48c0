"""The rules for secret scanners: real scanners find keys, and only keys, with them."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import HTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from craftkit.auth import api_key
from craftkit.stages import STAGES
from deployment.workspace import ROOT, TOOLS

RULES = ROOT / "examples" / "scanners"
CHECKER = RULES / "verify_checksum.py"


@pytest.fixture(scope="module")
def scanners() -> Path:
    """The folder of the scanners' programs."""
    subprocess.run([sys.executable, ROOT / "local" / "prepare.py", "scanners"], check=True)
    return TOOLS / "scanners" / "bin"


@pytest.fixture
def leaks(tmp_path: Path) -> Path:
    """A folder with two keys, one of them in JSON, and with text that only looks like keys."""
    (tmp_path / "app.env").write_text(f"CRAFTKIT_API_KEY={KEYS[0]}\n")
    (tmp_path / "settings.json").write_text(json.dumps({"key": KEYS[1]}) + "\n")
    (tmp_path / "close.txt").write_text(
        f"prefix{KEYS[0]}x\n{KEYS[0][:20]}\nck_pk_{'0' * 38}\n{KEYS[0].replace('live', 'prod')}\n"
    )
    return tmp_path


KEYS = (api_key.mint("live", "prod"), api_key.mint("test", "dev"))
MISTYPED = KEYS[0][:-1] + ("0" if KEYS[0][-1] != "0" else "1")


def run(*command: Any, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command], input=text, capture_output=True, text=True, timeout=300
    )


def test_gitleaks__finds_only_keys(scanners: Path, leaks: Path) -> None:
    report = leaks.parent / "report.json"
    config = RULES / "gitleaks.toml"
    done = run(
        scanners / "gitleaks", "dir", leaks, "--config", config, "--report-path", report,
        "--no-banner", "--exit-code", "7",
    )  # fmt: skip
    assert done.returncode == 7, done.stderr
    found = json.loads(report.read_text())
    assert sorted(each["Secret"] for each in found) == sorted(KEYS)
    assert {each["RuleID"] for each in found} == {"craftkit-api-key"}
    checked = run(sys.executable, CHECKER, text=report.read_text())
    environments = {json.loads(line)["environment"] for line in checked.stdout.splitlines()}
    assert (checked.returncode, environments) == (1, {"prod", "dev"})


def test_detect_secrets__reports_a_key_as_verified_and_a_mistyped_one_not_at_all(
    scanners: Path, leaks: Path
) -> None:
    (leaks / "mistyped.env").write_text(f"KEY={MISTYPED}\n")
    plugin = RULES / "detect_secrets_craftkit.py"
    done = run(scanners / "detect-secrets", "-C", leaks, "scan", "--all-files", "-p", plugin)
    assert done.returncode == 0, done.stderr
    found = [
        (name, each["is_verified"])
        for name, results in json.loads(done.stdout)["results"].items()
        for each in results
        if each["type"] == "Craftkit API key"
    ]
    assert sorted(found) == [("app.env", True), ("settings.json", True)]


@pytest.fixture
def verification(socket_enabled: None) -> Iterator[str]:
    """The address of the endpoint that TruffleHog asks."""
    names: dict[str, Any] = {"__name__": "checker"}
    exec(compile(CHECKER.read_text(), CHECKER, "exec"), names)
    server = HTTPServer(("127.0.0.1", 0), names["Verification"])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.mark.enable_socket
def test_trufflehog__its_expression_and_verification_find_keys(verification: str) -> None:
    """TruffleHog 3 is in no package registry: its request is sent as its documentation has it."""
    [detector] = yaml.safe_load((RULES / "trufflehog.yaml").read_text())["detectors"]
    expression = re.compile(detector["regex"]["key"])
    for text, status in ((KEYS[0], 200), (KEYS[1], 200), (MISTYPED, 403), ("x", 403)):
        assert bool(expression.search(f"KEY={text}")) == (text != "x")
        body = {detector["name"]: {"key": [text, text]}}
        assert requests.post(verification, json=body, timeout=30).status_code == status


def test_github__the_custom_pattern_matches_a_key() -> None:
    pattern = yaml.safe_load((RULES / "github-custom-pattern.yml").read_text())
    secret, after = pattern["secret_format"], pattern["after_secret"].replace(r"\z", r"\Z")
    expression = re.compile(f"(?:{pattern['before_secret']})(?P<key>{secret})(?:{after})")
    for text in (*KEYS, f"KEY={KEYS[0]}\n", f'"{KEYS[1]}"', pattern["test_string"]):
        assert expression.search(text), text
    for text in (f"x{KEYS[0]}", f"{KEYS[0]}x", KEYS[0][:-1], f"ck_pk_{'0' * 38}"):
        assert not expression.search(text), text


def test_verify_checksum__reports_the_environment_and_no_key() -> None:
    made = {stage: api_key.mint("live", stage) for stage in STAGES}
    done = run(sys.executable, CHECKER, text="\n".join([*made.values(), MISTYPED]))
    shown = [json.loads(line) for line in done.stdout.splitlines()]
    assert {each["environment"] for each in shown} == set(STAGES)
    assert len(shown) == len(STAGES)
    assert not any(key in done.stdout for key in made.values())
    assert run(sys.executable, CHECKER, text=f"{MISTYPED} and text").returncode == 0
