"""Linters accept the OpenAPI document, and generated clients compile."""

from collections.abc import Iterator

import pytest
import pytest_socket

from testkit import generated

pytestmark = pytest.mark.xdist_group("generated")


@pytest.fixture(autouse=True)
def registries() -> Iterator[None]:
    pytest_socket.enable_socket()
    yield
    pytest_socket.disable_socket(allow_unix_socket=True)


def test_redocly_and_spectral_have_no_warning() -> None:
    generated.tools()
    rules = ["--extends", "recommended", "--format", "json"]
    printed = generated.run(["node_modules/.bin/redocly", "lint", "openapi.json", *rules])
    assert '"warnings": 0' in printed and '"errors": 0' in printed, printed
    strict = ["--fail-severity", "hint"]
    generated.run(["node_modules/.bin/spectral", "lint", "openapi.json", *strict])


def test_typescript__both_generated_clients_compile() -> None:
    generated.typescript()


def test_python__the_generated_client_has_no_warning_and_passes_mypy() -> None:
    generated.python()
