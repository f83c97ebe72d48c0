"""Tells Craftkit API keys from text of the same form, by their checksum. Python 3.9, no packages.

    python verify_checksum.py < report.json      each key in the text, with its environment
    python verify_checksum.py --serve 8642       the verification endpoint for trufflehog.yaml

The last six characters of a key are the CRC-32 of its environment and the rest, in base 62. Of
random text of the form, one in 14 billion passes. No network is used, and the output shows only the
first 13 characters of a key. Exit status 1 means that a key was found.
"""

import argparse
import json
import re
import sys
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

PATTERN = re.compile(r"(?<![0-9A-Za-z])ck_(?:live|test)_[0-9A-Za-z]{38}(?![0-9A-Za-z])", re.ASCII)
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ENVIRONMENTS = ("local", "dev", "staging", "prod")


def environment_of(key: str) -> str | None:
    """The environment that created the key, or None for text that is no key."""
    if PATTERN.fullmatch(key) is None:
        return None
    for environment in ENVIRONMENTS:
        number, checksum = zlib.crc32(f"{environment}:{key[:-6]}".encode()), ""
        for _ in range(6):
            number, digit = divmod(number, 62)
            checksum = DIGITS[digit] + checksum
        if key.endswith(checksum):
            return environment
    return None


def keys_in(text: str) -> Iterator[tuple[str, str]]:
    """Each key in a text once, with its environment."""
    for key in dict.fromkeys(PATTERN.findall(text)):
        environment = environment_of(key)
        if environment:
            yield key, environment


class Verification(BaseHTTPRequestHandler):
    """TruffleHog's custom detector: 200 for a request with a key, 403 for any other."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        found = any(True for _ in keys_in(body.decode("utf-8", "replace")))
        self.send_response(200 if found else 403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing: a request holds a secret."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", type=int, metavar="PORT")
    port = parser.parse_args().serve
    if port is not None:
        HTTPServer(("127.0.0.1", port), Verification).serve_forever()
    found = list(keys_in(sys.stdin.read()))
    for key, environment in found:
        print(json.dumps({"key": key[:13] + "…", "environment": environment}))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
