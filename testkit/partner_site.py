"""Starts the example partner's site on a free port."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from testkit.stack import RunningStack
from testkit.template import ROOT


@contextmanager
def partner_site(stack: RunningStack) -> Iterator[str]:
    """The URL of the running site, whose server has the stack's test key."""
    given = {"CRAFTKIT_API_URL": stack.api_url, "CRAFTKIT_API_KEY": stack.test_key}
    with subprocess.Popen(
        [sys.executable, ROOT / "examples" / "partner" / "server.py", "--port", "0"],
        env={**os.environ, **given},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().rpartition(" ")[2].strip()
        finally:
            process.terminate()
