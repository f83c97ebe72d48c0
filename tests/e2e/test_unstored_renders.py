"""After renders with `options.store` false, the stage stores no content of their requests."""

import time
from typing import Any

import pytest
import requests

from local.logs import lines
from testkit.contents import places_of
from testkit.stack import RunningStack

MARKER = "Vertraulich-3b7fa9"
IMPORT = '#import "/craftkit.typ": *\n'
MANIFEST = (
    '{"variables": [{"key": "name", "label": "Name", "dataType": "text", "required": true}],'
    ' "loops": []}'
)
SOURCES = {
    "plain": "Dear #data.name",
    "refuses": '#assert(data.name == "Name", message: "no " + data.name)',
    "memory": '#if data.name != "Name" { range(400000000).map(n => data.name + str(n)) }',
    "slow": '#if data.name != "Name" {\n'
    "  for a in range(100000) { for b in range(100000) { let c = a + b } }\n}",
}


@pytest.fixture(scope="module")
def project_id(stack: RunningStack) -> str:
    """A project of its own, whose usage no other test changes."""
    return str(stack.craftkit("projects", "create", "--empty", "--name", "Unstored")["id"])


@pytest.fixture(scope="module")
def key(stack: RunningStack, project_id: str) -> str:
    how = ("--project", project_id, "--name", "Unstored", "--mode", "live")
    return str(stack.craftkit("keys", "create", *how)["key"])


@pytest.fixture(scope="module")
def slugs(
    stack: RunningStack, project_id: str, tmp_path_factory: pytest.TempPathFactory
) -> list[str]:
    folder = tmp_path_factory.mktemp("templates")
    for name, source in SOURCES.items():
        (folder / "manifest.json").write_text(MANIFEST)
        (folder / f"{name}.typ").write_text(IMPORT + source)
        stack.craftkit(
            "templates", "publish", "--project", project_id, "--slug", f"unstored-{name}",
            "--name", name, "--manifest", folder / "manifest.json",
            "--source", folder / f"{name}.typ",
        )  # fmt: skip
    return [f"unstored-{name}" for name in SOURCES]


def send(stack: RunningStack, slug: str, key: str) -> requests.Response:
    body: dict[str, Any] = {
        "data": {"name": MARKER, "nmae": MARKER},
        "metadata": {"order": MARKER},
        "jobId": MARKER,
        "options": {"filename": f"{MARKER}.pdf", "store": False},
    }
    return stack.call(
        "POST",
        f"/v1/templates/{slug}/render",
        key=key,
        json=body,
        headers={"Accept": "application/pdf", "Idempotency-Key": f"{MARKER}-{slug}"},
    )


def test_store_false__stores_no_content_of_the_request(
    stack: RunningStack, slugs: list[str], key: str
) -> None:
    answers = {slug: send(stack, slug, key) for slug in slugs}
    again = send(stack, "unstored-plain", key)
    assert (again.status_code, again.content) == (200, answers["unstored-plain"].content)
    assert MARKER in again.headers["content-disposition"]
    codes = {
        slug: answer.json()["error"].get("render", {}).get("errorCode")
        for slug, answer in answers.items()
        if answer.status_code != 200
    }
    assert codes == {
        "unstored-refuses": "template_error",
        "unstored-memory": "render_too_large",
        "unstored-slow": "render_timeout",
    }
    id_ = again.headers["x-craftkit-render-id"]
    assert stack.call("GET", f"/v1/renders/{id_}", key=key).status_code == 404
    wait_until_counted(stack, key, 1)
    wait_until_logged(stack, id_)
    assert places_of(MARKER, stack.client) == []
    logged = [line for _, line in lines(stack.aws_endpoint_url) if MARKER in line]
    assert logged == []


def wait_until_logged(stack: RunningStack, text: str) -> None:
    """The embedded AWS stores the lines of an invocation some time after it."""
    ends = time.monotonic() + 30
    while not any(text in line for _, line in lines(stack.aws_endpoint_url)):
        assert time.monotonic() < ends, f"no log line has {text}"
        time.sleep(0.5)


def wait_until_counted(stack: RunningStack, key: str, expected: int) -> None:
    """Usage is counted from the stream: late, and exact."""
    deadline = time.monotonic() + 60
    while (counted := _renders(stack.call("GET", "/v1/usage", key=key).json())) < expected:
        assert time.monotonic() < deadline, (counted, expected)
        time.sleep(0.2)
    assert counted == expected


def _renders(usage: Any) -> int:
    return sum(row["renders"] for row in usage["usage"])
