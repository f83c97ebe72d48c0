"""`make attack`: sends requests generated from the OpenAPI document to a local stack.

    python -m tests.attack --seed 7 --examples 50 --seconds 300

It fails on a 5xx that is a fault, on a response that the document does not describe, and on a body
that does not match its schema. It is limited in time, and connects to loopback only.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from craftkit.openapi.document import describe
from deployment.workspace import HOME, TOOLS
from testkit.stack import RunningStack, local_stack

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)
FAULTS = {"internal", "timeout"}
"""Codes that every route documents, and that no generated request may cause."""

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
    reports.mkdir(parents=True, exist_ok=True)
    settings = reports / "schemathesis.toml"
    settings.write_text("\n".join(settings_of(describe(stack.api_url))))
    command: list[str | Path] = [
        TOOLS / "attack" / "bin" / "schemathesis", "--config-file", settings,
        "run", f"{stack.api_url}/v1/openapi.json",
        "--url", stack.api_url, "--header", f"Authorization: Bearer {stack.test_key}",
        "--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing",
        "--max-examples", str(examples), "--seed", str(seed), "--max-time", str(seconds),
        "--max-redirects", "0", "--workers", "2", "--continue-on-failure", "--no-color",
        "--request-timeout", "60", "--report", "junit", "--report-dir", reports,
    ]  # fmt: skip
    return subprocess.run(command, cwd=HOME).returncode


def settings_of(document: dict[str, Any]) -> Iterator[str]:
    """The lines of a settings file: which 5xx each route may respond with."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            statuses = sorted(_expected_errors(operation))
            if statuses:
                yield "[[operations]]"
                yield f"include-name = {json.dumps(f'{method.upper()} {path}')}"
                allowed = json.dumps(["2xx", "3xx", "4xx", *statuses])
                yield f"checks.not_a_server_error.expected-statuses = {allowed}"


def _expected_errors(operation: dict[str, Any]) -> Iterator[str]:
    """The statuses from 500 that the route documents with a code of its own."""
    for status, response in operation.get("responses", {}).items():
        content = response.get("content", {}).get("application/json", {})
        oauth_code = content.get("schema", {}).get("properties", {}).get("error", {})
        codes = {*content.get("examples", {}), *oauth_code.get("enum", [])}
        if status >= "500" and codes - FAULTS:
            yield status


if __name__ == "__main__":
    sys.exit(main())
