"""`make dev`: the stack's file, the first invoice, and the quick starts."""

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from local.stack import file_of
from testkit.stack import RunningStack


@pytest.fixture(scope="session")
def render_id(stack: RunningStack) -> str:
    """The invoice that was rendered with the demo data."""
    renders = stack.call("GET", "/v1/renders").json()["renders"]
    return str(renders[-1]["id"])


def test_the_stack_file_has_the_documented_fields(home: Path, stack: RunningStack) -> None:
    path = file_of("local", home)
    written = json.loads(path.read_text())
    assert set(written) == {
        "apiUrl",
        "dashboardUrl",
        "awsEndpointUrl",
        "region",
        "stage",
        "stackName",
        "projectId",
        "keys",
        "dashboardUser",
    }
    assert written["stage"] == "local"
    assert written["stackName"] == "craftkit-local"
    assert set(written["keys"]) == {"live", "test"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_sam_local_receives_the_variables_of_each_function(home: Path, stack: RunningStack) -> None:
    variables = json.loads((home / "sam-env.json").read_text())
    assert set(variables) == set(stack.deployed.physical_ids("AWS::Lambda::Function"))
    assert variables["AuthorizeFunction"]["KEYS_TABLE"] == stack.outputs["KeysTable"]
    # A container does not find this machine under a loopback address.
    assert "127.0.0.1" not in variables["AuthorizeFunction"]["AWS_ENDPOINT_URL"]


def test_the_stack_is_healthy_without_a_key(stack: RunningStack) -> None:
    assert stack.call("GET", "/health", key="").status_code == 200


def test_make_dev_renders_the_first_invoice(stack: RunningStack, render_id: str) -> None:
    answer = stack.call("GET", f"/v1/renders/{render_id}/download")
    assert answer.status_code == 302
    assert requests.get(answer.headers["Location"], timeout=30).content.startswith(b"%PDF-")


def test_quick_start_curl(stack: RunningStack, render_id: str) -> None:
    script = f"""
curl {stack.api_url}/v1/renders/{render_id} \\
-H "Authorization: Bearer $CRAFTKIT_API_KEY"
"""
    assert json.loads(run(["bash", "-c", script], stack))["id"] == render_id


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node.js here")
def test_quick_start_node(stack: RunningStack, render_id: str) -> None:
    script = f"""
const res = await fetch('{stack.api_url}/v1/renders/{render_id}', {{
headers: {{
Authorization: `Bearer ${{process.env.CRAFTKIT_API_KEY}}`,
}},
}});
console.log(await res.text());
"""
    answer = run(["node", "--input-type=module", "--eval", script], stack)
    assert json.loads(answer)["id"] == render_id


def test_quick_start_python(stack: RunningStack, render_id: str) -> None:
    script = f"""
import os, requests
res = requests.get(
"{stack.api_url}/v1/renders/{render_id}",
headers={{"Authorization": f"Bearer {{os.environ['CRAFTKIT_API_KEY']}}"}},
)
print(res.text)
"""
    assert json.loads(run([sys.executable, "-c", script], stack))["id"] == render_id


def run(command: list[str], stack: RunningStack) -> str:
    done = subprocess.run(
        command,
        env={"PATH": os.environ["PATH"], "CRAFTKIT_API_KEY": stack.live_key},
        text=True,
        capture_output=True,
        check=True,
    )
    return done.stdout
