"""A running local stack, described by `.local/stack.json`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from deployment.stacks import outputs_of, present_stacks, stack_name
from deployment.workspace import REGION, TaskError
from local.emulator import is_answering


@dataclass(frozen=True)
class Stack:
    """URLs, and the ids and keys of the demo project."""

    api_url: str
    aws_endpoint_url: str
    stage: str
    project_id: str
    live_key: str
    test_key: str
    dashboard_user: dict[str, str] | None
    region: str = REGION

    @property
    def stack_name(self) -> str:
        return stack_name(self.stage)

    @property
    def embed_url(self) -> str:
        return embed_url_of(self.api_url)

    @property
    def dashboard_url(self) -> str:
        return f"{self.api_url}/dashboard"

    def as_json(self) -> dict[str, Any]:
        return {
            "apiUrl": self.api_url,
            "dashboardUrl": self.dashboard_url,
            "awsEndpointUrl": self.aws_endpoint_url,
            "region": self.region,
            "stage": self.stage,
            "stackName": self.stack_name,
            "projectId": self.project_id,
            "keys": {"live": self.live_key, "test": self.test_key},
            "dashboardUser": self.dashboard_user,
        }

    def write(self, home: Path) -> None:
        """Write the file, readable by its owner only, because it contains keys."""
        path = file_of(self.stage, home)
        unfinished = path.with_suffix(".unfinished")
        unfinished.touch(mode=0o600)
        unfinished.write_text(json.dumps(self.as_json(), indent=2) + "\n", encoding="utf-8")
        unfinished.replace(path)

    @classmethod
    def read(cls, home: Path, stage: str = "local") -> "Stack | None":
        """The stack of a stage that was written in `home`, running or not."""
        try:
            written = json.loads(file_of(stage, home).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return cls(
            api_url=written["apiUrl"],
            aws_endpoint_url=written["awsEndpointUrl"],
            stage=written["stage"],
            project_id=written["projectId"],
            live_key=written["keys"]["live"],
            test_key=written["keys"]["test"],
            dashboard_user=written["dashboardUser"],
        )


def embed_url_of(public_url: str) -> str:
    """The embedded page's URL: the same proxy under another host, and so another origin."""
    return public_url.replace("://localhost", "://127.0.0.1", 1)


def file_of(stage: str, home: Path) -> Path:
    return home / ("stack.json" if stage == "local" else f"stack.{stage}.json")


def running(home: Path) -> Stack:
    """The stack that `make dev` runs.

    Raises:
        TaskError: no local stack is running.
    """
    stack = Stack.read(home)
    if stack is None or not is_answering(stack.aws_endpoint_url):
        raise TaskError("No local stack is running. Start one in another terminal: make dev")
    return stack


def session(region: str = REGION) -> boto3.Session:
    """A boto3 session as root of the embedded AWS, independent of the user's configuration."""
    return boto3.Session("test", "test", region_name=region)


class Deployed:
    """The resources of a deployed stage over all of its stacks, from CloudFormation.

    Args:
        endpoint: the URL of the embedded AWS.
    """

    def __init__(self, stage: str, endpoint: str) -> None:
        self.stage, self.endpoint = stage, endpoint
        self._session = session()
        cloudformation = self.client("cloudformation")
        pages = cloudformation.get_paginator("list_stack_resources")
        self.outputs: dict[str, str] = {}
        self._resources: list[dict[str, Any]] = []
        for name in present_stacks(cloudformation, stage):
            self.outputs |= outputs_of(cloudformation, name)
            for page in pages.paginate(StackName=name):
                self._resources += page["StackResourceSummaries"]

    def client(self, service: str) -> Any:
        return self._session.client(service, endpoint_url=self.endpoint)  # type: ignore[call-overload]

    def physical_ids(self, kind: str) -> dict[str, str]:
        """Physical ids by logical id of the resources of a type."""
        return {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for resource in self._resources
            if resource["ResourceType"] == kind
        }

    def only(self, kind: str) -> str | None:
        """The physical id of the one resource of a type, or None where there is none."""
        found = list(self.physical_ids(kind).values())
        if len(found) > 1:
            raise ValueError(f"there are {len(found)} resources of type {kind}")
        return found[0] if found else None
