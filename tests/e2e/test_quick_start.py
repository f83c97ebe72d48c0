"""The quick start's samples, copied from the page and run, but for the address."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deployment.workspace import ROOT
from testkit.stack import RunningStack
from tools.site import text_of


@pytest.mark.parametrize("language", ["curl", "node"])
def test_the_quick_start_renders(stack: RunningStack, language: str) -> None:
    (sample,) = re.findall(
        rf"^```{language}\n(.*?)^```", text_of("quick-start"), re.MULTILINE | re.DOTALL
    )
    sample = sample.replace("https://api.craftkit.dev", stack.api_url)
    command = {
        "curl": ["sh", "-c", sample],
        "node": ["node", "--input-type=module", "--eval", sample],
    }[language]
    if shutil.which(command[0]) is None:
        pytest.skip(f"there is no {language} here")
    done = subprocess.run(
        command,
        env=os.environ | {"CRAFTKIT_API_KEY": stack.test_key},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    render = json.loads(done.stdout)
    assert render["status"] == "succeeded"
    assert render["downloadUrl"]


def test_the_client_for_python_and_the_command_save_the_document(
    stack: RunningStack, tmp_path: Path
) -> None:
    (sample,) = re.findall(r"^```python\n(.*?)^```", text_of("quick-start"), re.M | re.S)
    (command,) = re.findall(r"^craftkit render .*$", text_of("quick-start"), re.M)
    known = os.environ | {"CRAFTKIT_API_KEY": stack.test_key, "CRAFTKIT_BASE_URL": stack.api_url}
    path = os.pathsep.join([str(ROOT / "sdks" / "python"), os.environ.get("PYTHONPATH", "")])
    name, *arguments = command.split()
    installed = str(Path(sys.executable).parent / name)
    for words in ([sys.executable, "-c", sample], [installed, *arguments]):
        subprocess.run(
            words, cwd=tmp_path, env=known | {"PYTHONPATH": path}, check=True, timeout=120
        )
        assert (tmp_path / "invoice.pdf").read_bytes().startswith(b"%PDF")
        (tmp_path / "invoice.pdf").unlink()
