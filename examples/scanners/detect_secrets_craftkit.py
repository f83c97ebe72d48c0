"""Finds Craftkit API keys with detect-secrets, whose checksum is verified.

    detect-secrets scan --plugin detect_secrets_craftkit.py

Keep verify_checksum.py in the same folder.
"""

import importlib.util
from collections.abc import Generator
from pathlib import Path
from typing import Any

from detect_secrets.constants import VerifiedResult
from detect_secrets.plugins.base import RegexBasedDetector

_PATH = Path(__file__).with_name("verify_checksum.py")
_SPEC = importlib.util.spec_from_file_location("craftkit_verify_checksum", _PATH)
if _SPEC is None or _SPEC.loader is None:
    raise ImportError(_PATH)
_checksum = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_checksum)


class CraftkitApiKeyDetector(RegexBasedDetector):
    """A finding is a key: text of the form whose checksum is wrong is not reported."""

    secret_type = "Craftkit API key"  # noqa: S105 a name
    denylist = (_checksum.PATTERN,)

    def analyze_string(self, string: str) -> Generator[str]:
        for key, _ in _checksum.keys_in(string):
            yield key

    def verify(self, secret: str, **_: Any) -> VerifiedResult:
        is_key = _checksum.environment_of(secret) is not None
        return VerifiedResult.VERIFIED_TRUE if is_key else VerifiedResult.VERIFIED_FALSE
