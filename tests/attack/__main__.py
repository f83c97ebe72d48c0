"""`make attack`: sends requests generated from the OpenAPI document to a local stack.

    python -m tests.attack --seed 7 --examples 50 --seconds 300

It fails on a 5xx, on a response that the document does not describe, and on a body that does not
match its schema. It is limited in time, and connects to loopback only.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from deployment.workspace import HOME, TOOLS
from testkit.stack import RunningStack, local_stack

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)
SEED, EXAMPLES, SECONDS = 1, 30, 300


def main() -> int:
    parser = argparse.ArgumentParser(prog="make attack", description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--examples", type=int, default=EXAMPLES)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    arguments = parser.parse_args()
    with local_stack() as (stack, _):
        return attack(stack, arguments.seed, arguments.examples, arguments.seconds)


def attack(stack: RunningStack, seed: int, examples: int, seconds: int) -> int:
    """Run schemathesis with the stack's test key. Returns its exit code."""
    reports = HOME / "attack"
    command: list[str | Path] = [
        TOOLS / "attack" / "bin" / "schemathesis", "run", f"{stack.api_url}/v1/openapi.json",
        "--url", stack.api_url, "--header", f"Authorization: Bearer {stack.test_key}",
        "--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing",
        "--max-examples", str(examples), "--seed", str(seed), "--max-time", str(seconds),
        "--max-redirects", "0", "--workers", "2", "--continue-on-failure", "--no-color",
        "--request-timeout", "60", "--report", "junit", "--report-dir", reports,
    ]  # fmt: skip
    return subprocess.run(command, cwd=HOME).returncode


if __name__ == "__main__":
    sys.exit(main())
