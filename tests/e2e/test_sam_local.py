"""`make invoke` and `make sam-api` in real containers, where Docker and an image are.

`python -m testkit.sam_image` makes an image without a registry.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from deployment.workspace import ROOT
from local.emulator import free_port
from testkit import sam_image
from testkit.stack import RunningStack

IN_CONTAINERS = ("get_me", "create_render", "get_render", "compile_template", "authorize")
"""Functions with each set of layers. The events of all functions run in test_events.py."""
DATA = {"customer": {"name": "Ada"}, "items": [{"name": "N", "qty": 1, "price": 42}], "total": 42}


@pytest.fixture(scope="module", autouse=True)
def containers() -> None:
    try:
        reached = subprocess.run(["docker", "info"], capture_output=True, timeout=30)
    except FileNotFoundError:
        pytest.skip("sam local is not tested: there is no Docker here")
    if reached.returncode != 0:
        pytest.skip("sam local is not tested: the Docker daemon cannot be reached")
    if not sam_image.exists():
        pytest.skip(
            f"sam local is not tested: Docker has no {sam_image.tag()} "
            "(python -m testkit.sam_image makes one)"
        )


@pytest.fixture
def command(stack: RunningStack, home: Path) -> list[str]:
    return [sys.executable, "-m", "local"]


@pytest.mark.parametrize("function", IN_CONTAINERS)
def test_invoke__the_event_of_a_function_ends_in_success(
    stack: RunningStack, home: Path, command: list[str], function: str
) -> None:
    done = subprocess.run(
        [*command, "invoke", function, "--args=--skip-pull-image", "--home", str(home)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def address(stack: RunningStack, home: Path) -> Iterator[str]:
    """`make sam-api` on a free port."""
    port = free_port()
    process = subprocess.Popen(
        [
            sys.executable, "-m", "local", "sam-api", "--port", str(port),
            "--args=--skip-pull-image", "--home", str(home),
        ],
        cwd=ROOT,
        start_new_session=True,
    )  # fmt: skip
    url = f"http://localhost:{port}"
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        assert process.poll() is None, "sam-api has ended"
        try:
            requests.get(f"{url}/health", timeout=120)
            break
        except requests.ConnectionError:
            time.sleep(0.5)
    yield url
    os.killpg(process.pid, signal.SIGINT)
    process.wait(60)


def call(stack: RunningStack, url: str, method: str, path: str, **how: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {stack.test_key}"}
    return requests.request(method, url + path, headers=headers, timeout=120, **how)


def test_sam_api__the_second_call_of_a_route_takes_a_tenth_of_a_second(
    stack: RunningStack, address: str
) -> None:
    assert call(stack, address, "GET", "/v1/me").status_code == 200
    seconds = []
    for _ in range(5):
        began = time.monotonic()
        assert call(stack, address, "GET", "/v1/me").status_code == 200
        seconds.append(time.monotonic() - began)
    assert min(seconds) <= 0.1, seconds


def test_sam_api__a_render_is_made_and_its_addresses_are_on_this_port(
    stack: RunningStack, address: str
) -> None:
    made = call(stack, address, "POST", "/v1/templates/invoice/render", json={"data": DATA})
    assert made.status_code == 202, made.text
    assert made.json()["pollUrl"].startswith(f"{address}/v1/renders/")
    assert stack.finished(made.json()["id"], key=stack.test_key)["status"] == "succeeded"


def test_sam_api__a_revocation_takes_effect_at_the_next_call(
    stack: RunningStack, address: str
) -> None:
    made = stack.craftkit(
        "keys", "create", "--project", stack.project_id, "--name", "Local", "--mode", "test"
    )
    headers = {"Authorization": f"Bearer {made['key']}"}
    assert requests.get(f"{address}/v1/me", headers=headers, timeout=120).status_code == 200
    stack.craftkit("keys", "revoke", made["id"])
    assert requests.get(f"{address}/v1/me", headers=headers, timeout=120).status_code == 403
