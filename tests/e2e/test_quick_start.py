"""The quick start's samples, copied from the page and run, but for the address."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.support.stack import RunningStack
from tools.site import text_of


@pytest.mark.parametrize("language", ["curl", "node", "python"])
def test_the_quick_start_renders(stack: RunningStack, language: str) -> None:
    (sample,) = re.findall(
        rf"^```{language}\n(.*?)^```", text_of("quick-start"), re.MULTILINE | re.DOTALL
    )
    sample = sample.replace("https://api.craftkit.dev", stack.api_url)
    command = {
        "curl": ["sh", "-c", sample],
        "node": ["node", "--input-type=module", "--eval", sample],
        "python": [sys.executable, "-c", sample],
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
