"""A deployed stack for the tests: the one of `make dev`, or a new one."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import requests

from deployment.workspace import HOME, ROOT, tail
from local import dev
from local.cli import Operator
from local.emulator import free_port, is_answering
from local.stack import Deployed, Stack, file_of

OWN_HOME = HOME / "test"
_START_SECONDS = 240
_STOP_SECONDS = 60


class RunningStack:
    """One stage on the embedded AWS: HTTP requests as a caller, AWS calls as the account's root."""

    def __init__(self, stack: Stack) -> None:
        self.stage = stack.stage
        self.api_url = stack.api_url
        self.embed_url = stack.embed_url
        self.dashboard_url = stack.dashboard_url
        self.dashboard_user = stack.dashboard_user
        self.aws_endpoint_url = stack.aws_endpoint_url
        self.project_id = stack.project_id
        self.live_key = stack.live_key
        self.test_key = stack.test_key
        self.craftkit = Operator(stack.stage, stack.aws_endpoint_url)

    @cached_property
    def deployed(self) -> Deployed:
        return Deployed(self.stage, self.aws_endpoint_url)

    @cached_property
    def editor_key(self) -> str:
        """A live key of the demo project that can also open `edit` and `create` sessions."""
        scopes = ("--scope", "embed:write", "--scope", "embed:edit", "--scope", "renders:read")
        made = self.craftkit(
            "keys", "create", "--project", self.project_id, "--name", "Editor", "--mode", "live",
            *scopes,
        )  # fmt: skip
        return str(made["key"])

    @property
    def outputs(self) -> dict[str, str]:
        return self.deployed.outputs

    def client(self, service: str) -> Any:
        """A boto3 client of the account's root."""
        return self.deployed.client(service)

    def client_of(self, function: str, service: str) -> Any:
        """A boto3 client with the credentials of a function's role.

        Args:
            function: logical id, such as `CreateRenderFunction`.
        """
        role = self.deployed.physical_ids("AWS::IAM::Role")[f"{function}Role"]
        account = self.client("sts").get_caller_identity()["Account"]
        assumed = self.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{account}:role/{role}", RoleSessionName="test"
        )["Credentials"]
        session = boto3.Session(
            assumed["AccessKeyId"],
            assumed["SecretAccessKey"],
            assumed["SessionToken"],
            region_name="us-east-1",
        )
        return session.client(service, endpoint_url=self.aws_endpoint_url)  # type: ignore[call-overload]

    def call(
        self,
        method: str,
        path: str,
        *,
        key: str | None = None,
        json: object = None,
        headers: dict[str, str] | None = None,
        at: str | None = None,
        **how: Any,
    ) -> requests.Response:
        """Send a request through the proxy. Redirects are not followed.

        Args:
            key: the Bearer token; the project's live key by default, no header for "".
            at: a base URL other than the API's, such as `embed_url`.
        """
        sent = dict(headers or {})
        key = self.live_key if key is None else key
        if key:
            sent.setdefault("Authorization", f"Bearer {key}")
        return requests.request(
            method,
            (at or self.api_url) + path,
            json=json,
            headers=sent,
            timeout=60,
            allow_redirects=False,
            **how,
        )

    def finished(self, render_id: str, *, key: str | None = None) -> dict[str, Any]:
        """Wait until the render has ended, at most a minute, and return it."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            render: dict[str, Any] = self.call("GET", f"/v1/renders/{render_id}", key=key).json()
            if render["status"] in ("succeeded", "failed", "cancelled"):
                return render
            time.sleep(0.1)
        raise TimeoutError(f"render {render_id} has not ended")

    def finished_batch(self, batch_id: str, *, key: str | None = None) -> dict[str, Any]:
        """The batch once it is over; at most two minutes."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            batch: dict[str, Any] = self.call("GET", f"/v1/batches/{batch_id}", key=key).json()
            if batch["status"] in ("completed", "refused", "cancelled"):
                return batch
            time.sleep(0.1)
        raise TimeoutError(f"batch {batch_id} is not over")


@contextmanager
def local_stack() -> Iterator[tuple[RunningStack, Path]]:
    """The stack of `make dev` if it runs the same sources, or a new one for this session.

    Yields:
        The stack, and the folder with its files.
    """
    present = Stack.read(HOME)
    if present and is_answering(present.aws_endpoint_url) and dev.is_current(HOME):
        yield RunningStack(present), HOME
        return
    ports = ["--port", str(free_port()), "--aws-port", str(free_port())]
    with _started("local", ["dev", *ports], OWN_HOME) as stack:
        yield stack, OWN_HOME


@contextmanager
def further_stage(stage: str, home: Path) -> Iterator[RunningStack]:
    """A second stage on the same embedded AWS: the one of `make stage`, or a new one."""
    present = Stack.read(home, stage)
    if present and home == HOME:
        yield RunningStack(present)
        return
    with _started(stage, ["stage", stage, "--port", str(free_port())], home) as stack:
        yield stack


@contextmanager
def _started(stage: str, arguments: list[str], home: Path) -> Iterator[RunningStack]:
    log = home / "logs" / f"{stage}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    file_of(stage, home).unlink(missing_ok=True)  # left by a killed run
    command = [sys.executable, "-m", "local", *arguments, "--home", str(home)]
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield _awaited(stage, process, home, log)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(_STOP_SECONDS)


def _awaited(stage: str, process: subprocess.Popen[bytes], home: Path, log: Path) -> RunningStack:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"The stack did not start.\n{tail(log)}")
        if stack := Stack.read(home, stage):
            return RunningStack(stack)
        time.sleep(0.2)
    raise RuntimeError(f"The stack was not there in {_START_SECONDS} s.\n{tail(log)}")
