"""The first invocation of a function, under AWS's runtime interface emulator and client.

The emulator is part of SAM CLI, the client is from PyPI; the function is the output of `sam build`
with byte code. An empty handler is measured alternately. DynamoDB is a server over TLS, whose
certificate chain is of the kind and length of AWS's; the function trusts the roots that it trusts
on AWS, and the server's. A third measurement trusts as many roots as a system's store has.
"""

import http.client
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import certifi

from benchmarks.measurement import Result, medians
from craftkit.auth import api_key, connections
from deployment.build import build_for_host, host_architecture
from deployment.workspace import ROOT, TOOLS
from local.emulator import free_port
from testkit.authority import Authority
from testkit.template import template

ROUNDS = 15
_INVOKE = "/2015-03-31/functions/function/invocations"
_EMULATOR = "samcli/local/rapid/aws-lambda-rie"
_START_SECONDS = 10


def measure() -> Iterable[Result]:
    build = build_for_host()
    key = api_key.mint("live", "local")
    with TemporaryDirectory() as certificates, TemporaryDirectory() as folder:
        authority = Authority(Path(certificates))
        bundles = [
            _bundle(Path(certificates), name, authority, others)
            for name, others in (
                ("own", Path(connections.ROOTS)),
                ("system", Path(certifi.where())),
            )
        ]
        yield from _measured(build, key, authority, bundles, Path(folder))


def _bundle(folder: Path, name: str, authority: Authority, others: Path) -> str:
    """A file with the certificates of another, and the authority's root."""
    made = folder / f"{name}.pem"
    made.write_text(others.read_text(encoding="utf-8") + authority.root_pem)
    return str(made)


def _measured(
    build: Path, key: str, authority: Authority, bundles: list[str], empty: Path
) -> Iterable[Result]:
    with _keys_table(authority) as endpoint:
        (empty / "app.py").write_text("def handler(event, context):\n    return {}\n")
        layers = [str(build / "CraftkitLayer" / "python")]
        variables = variables_of("AuthorizeFunction") | {"AWS_ENDPOINT_URL": endpoint}
        event = json.loads((ROOT / "events" / "authorize.json").read_text(encoding="utf-8"))
        event["headers"] = {"Authorization": f"Bearer {key}"}

        def authorizer(bundle: str) -> float:
            given = variables | {"AWS_CA_BUNDLE": bundle}
            return _allowed(build / "AuthorizeFunction", layers, given, event)

        nothing, own, system = medians(
            lambda: first_invocation(empty, [], {}, {})[0],
            lambda: authorizer(bundles[0]),
            lambda: authorizer(bundles[1]),
            rounds=ROUNDS,
        )
    yield Result(
        "authorizer.cold",
        own,
        "ms",
        baseline=("empty handler", nothing),
        target="ratio <= 1.9",
        note="first invocation under the runtime interface emulator, over TLS, with process start",
    )
    yield Result(
        "authorizer.cold.system_roots",
        system,
        "ms",
        baseline=("empty handler", nothing),
        note="the same with a system's store of trusted roots, which the authorizer does not read",
    )


def _allowed(folder: Path, layers: list[str], variables: dict[str, str], event: Any) -> float:
    elapsed, answer = first_invocation(folder, layers, variables, event)
    if '"Allow"' not in answer:
        raise RuntimeError(f"the authorizer did not allow the key: {answer}")
    return elapsed


def first_invocation(
    folder: Path, layers: list[str], variables: dict[str, str], event: Any
) -> tuple[float, str]:
    """Milliseconds from the first request to its response, in a new environment."""
    port = free_port()
    (emulator,) = TOOLS.glob(f"sam/lib/python*/site-packages/{_EMULATOR}-{host_architecture()}")
    command: list[str | Path] = [
        emulator, "--log-level", "error",
        "--runtime-interface-emulator-address", f"127.0.0.1:{port}",
        "--runtime-api-address", f"127.0.0.1:{free_port()}",
        TOOLS / "runtime" / "bin" / "python", "-m", "awslambdaric", "app.handler",
    ]  # fmt: skip
    environment = variables | {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": ":".join([str(folder), *layers]),
        "LAMBDA_TASK_ROOT": str(folder),
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_LAMBDA_FUNCTION_NAME": "function",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    }
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        connection = _connected(port)
        started = time.perf_counter()
        connection.request("POST", _INVOKE, body=json.dumps(event))
        answer = connection.getresponse().read().decode()
        return (time.perf_counter() - started) * 1000, answer
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _connected(port: int) -> http.client.HTTPConnection:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.connect()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return connection


def variables_of(function: str) -> dict[str, str]:
    """The function's own variables, with a name for each table."""
    return {
        name: value if isinstance(value, str) else name.lower()
        for name, value in template().environment(function).items()
    }


@contextmanager
def _keys_table(authority: Authority) -> Iterator[str]:
    """A DynamoDB that returns a valid key for every request at once. Yields its endpoint."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _KnowsEveryKey)
    server.socket = authority.server_context().wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class _KnowsEveryKey(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    item = {  # noqa: RUF012 a constant
        "project_id": {"S": "01890000-0000-7000-8000-000000000001"},
        "key_id": {"S": "01890000-0000-7000-8000-000000000002"},
        "mode": {"S": "live"},
        "scopes": {"S": "renders:read renders:write"},
        "templates": {"S": ""},
        "prefix": {"S": "ck_live_abcde"},
    }

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"Item": self.item}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the base class's
        """Nothing is logged."""
