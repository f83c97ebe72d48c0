"""Generates the synchronous client of the Python SDK from the asynchronous one.

    python -m tools.sync_client

`sdks/python/craftkit_sdk/_sync.py` is `_async.py` without `async` and `await`. A test compares the
file with the result of `sync_client`.
"""

import re
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "sdks/python/craftkit_sdk"

_OPEN = "        self._http = http_client or httpx.Client(timeout=timeout)\n"
_CLOSE = """\
        # Closes the connections of clients that are never closed.
        weakref.finalize(self, self._http.close)
"""

_REPLACEMENTS = (
    (
        r'\A""".*?"""',
        '"""The synchronous client, generated from `_async` by `tools.sync_client`."""',
    ),
    (r"for one event loop", "safe to share between threads"),
    (r"^import asyncio\n", ""),
    (r"^import time\n", "import time\nimport weakref\n"),
    (r"\basync (def|for|with) ", r"\1 "),
    (r"\bawait ", ""),
    (r"\basyncio\.sleep\b", "time.sleep"),
    (r"\b__a(enter|exit)__", r"__\1__"),
    (r"\baclose\b", "close"),
    (r"\bAsync([A-Z])", r"\1"),
    (r"for each in (page\[field\]):\n +yield each", r"yield from \1"),
    (re.escape(_OPEN), _OPEN + _CLOSE),
)


def sync_client() -> str:
    """The source of `_sync.py`."""
    source = (PACKAGE / "_async.py").read_text(encoding="utf-8")
    for pattern, replacement in _REPLACEMENTS:
        source = re.sub(pattern, replacement, source, flags=re.MULTILINE | re.DOTALL)
    return source


if __name__ == "__main__":
    (PACKAGE / "_sync.py").write_text(sync_client(), encoding="utf-8")
