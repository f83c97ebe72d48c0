"""Fixtures of all tests. Sockets are disabled except for the tests of a deployed stack."""

import os
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any

import hypothesis
import pytest
import pytest_socket
from moto import mock_aws
from moto.dynamodb.responses import DynamoHandler

from craftkit.auth import api_key
from testkit import clients, events, leaks
from testkit.clock import FrozenClock, frozen_time
from testkit.cloud import Cloud, forget, variables
from testkit.stack import RunningStack, further_stage, local_stack
from testkit.template import REGION, template
from testkit.typesetter import FakeTypesetter
from testkit.wire import DynamoDBWire

# Before any client is created: no test uses a real account, whatever the machine's configuration.
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ |= {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}

# No output, log or table of a test may contain a key.
api_key.mint = leaks.recording(api_key.mint)
pytest_runtest_makereport = leaks.pytest_runtest_makereport

clients.keep()
hypothesis.settings.register_profile(
    "craftkit",
    # No deadline: tests do not depend on the machine's speed.
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("craftkit")

_WITH_SOCKETS = ("tests/e2e/", "tests/browser/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run tests of the deployed stack first and in one worker: they take longest."""
    for item in items:
        if item.nodeid.startswith(_WITH_SOCKETS):
            item.add_marker(pytest.mark.xdist_group("stack"))
    items.sort(key=lambda item: not item.nodeid.startswith(_WITH_SOCKETS))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.nodeid.startswith(_WITH_SOCKETS):
        pytest_socket.enable_socket()
    else:
        pytest_socket.disable_socket(allow_unix_socket=True)


def pytest_runtest_teardown() -> None:
    pytest_socket.enable_socket()


@pytest.fixture
def event() -> Any:
    """`event("create_render", body={…})`: see `testkit.events.event`."""
    return events.event


@pytest.fixture
def clock() -> Iterator[FrozenClock]:
    """A frozen clock that `craftkit.clock` reads."""
    with frozen_time() as frozen:
        yield frozen


@pytest.fixture
def typesetter() -> FakeTypesetter:
    return FakeTypesetter()


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> DynamoDBWire:
    """DynamoDB for the code that signs its own requests; counts them, and can be set to fail."""
    made = DynamoDBWire()
    monkeypatch.setattr("craftkit.auth.connections.post", made.post)
    return made


@pytest.fixture
def one_write_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a condition and its write atomic, as in DynamoDB; moto does not."""
    lock, answer = Lock(), DynamoHandler.call_action

    def call_action(handler: DynamoHandler) -> Any:
        with lock:
            return answer(handler)

    monkeypatch.setattr(DynamoHandler, "call_action", call_action)


@pytest.fixture
def cloud(wire: DynamoDBWire, one_write_at_a_time: None) -> Iterator[Cloud]:
    """The stack's resources in moto, with every function's variables set.

    `cloud.invoke("create_render", event)` runs a handler with only its own variables.
    """
    with mock_aws():
        made = Cloud(template())
        forget()
        with variables(made.environment()):
            yield made
        forget()
        assert list(leaks.in_moto()) == []


@pytest.fixture(scope="session")
def _local_stack() -> Iterator[tuple[RunningStack, Path]]:
    with local_stack() as running:
        yield running


@pytest.fixture(scope="session")
def stack(_local_stack: tuple[RunningStack, Path]) -> Iterator[RunningStack]:
    """The deployed stack with IAM enabled and the demo project."""
    yield _local_stack[0]
    assert list(leaks.in_stack(_local_stack[0])) == []


@pytest.fixture(scope="session")
def home(_local_stack: tuple[RunningStack, Path]) -> Path:
    """The folder of the stack's files: `.local` for the one of `make dev`."""
    return _local_stack[1]


@pytest.fixture(scope="session")
def staging(_local_stack: tuple[RunningStack, Path]) -> Iterator[RunningStack]:
    """A second stage on the same embedded AWS."""
    with further_stage("staging", _local_stack[1]) as running:
        yield running
