"""Generated clients create and read a render, and distinguish errors."""

import json

import pytest

from testkit import generated
from testkit.stack import RunningStack
from tests.e2e.test_renders import DATA


@pytest.mark.parametrize(
    ("program", "run"),
    [
        ("with_hey_api", generated.run_typescript),
        ("with_openapi_typescript", generated.run_typescript),
        ("with_openapi_python_client", generated.run_python),
    ],
)
def test_a_generated_client_makes_a_render(stack: RunningStack, program: str, run: object) -> None:
    assert callable(run)
    printed = run(
        program,
        CRAFTKIT_BASE_URL=stack.api_url,
        CRAFTKIT_API_KEY=stack.test_key,
        DATA=json.dumps(DATA),
    )
    made = json.loads(printed)
    render = stack.finished(made["id"], key=stack.test_key)
    assert render["status"] == "succeeded"
