"""Hostile templates: each ends, and does not affect the next render."""

import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from craftkit.typesetter import (
    Job,
    RenderTimeoutError,
    RenderTooLargeError,
    TypesettingError,
)
from typesetting import service, typeset
from typesetting.request import request
from typesetting.sandbox import Sandbox, SandboxError, StartError, TimedOutError
from typst_child.loop import RETIREMENT_BYTES

Make = Callable[..., Job]

ENDLESS = "#for a in range(100000) { for b in range(100000) { let c = a + b } }"
WIDE = '#let s = "x" * 10000000000\n#s'
PAGES = "#for n in range(1000000) { pagebreak() }"
NESTED = "#let x = [a]\n#for n in range(100000) { x = box(x) }\n#x"
WASM = "#let p = plugin(bytes((0, 97, 115, 109, 1, 0, 0, 0)))\n#p.run()"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    own = Sandbox()
    yield own
    own.close()


def pid_of(sandbox: Sandbox) -> int:
    sandbox.warm()
    assert sandbox._child is not None
    return sandbox._child.pid


@pytest.mark.parametrize("source", [WIDE, PAGES, NESTED])
def test_hostile__memory_is_limited_and_the_next_render_succeeds(job: Make, source: str) -> None:
    before = typeset(job("Before and after"))
    with pytest.raises(RenderTooLargeError):
        typeset(job(source))
    assert typeset(job("Before and after")) == before


@pytest.mark.parametrize("source", ["#" + "(" * 20_000, "#[" * 5_000, "$" + "{" * 20_000, WASM])
def test_hostile__deep_nesting_and_plugins_are_errors(job: Make, source: str) -> None:
    with pytest.raises(TypesettingError):
        typeset(job(source))
    assert typeset(job("After")).page_count == 1


def test_hostile__an_endless_loop_is_killed_in_time(job: Make, sandbox: Sandbox) -> None:
    first = pid_of(sandbox)
    with pytest.raises(TimedOutError):
        sandbox.exchange(*request(job(ENDLESS)), seconds=0.2)
    answer, _ = sandbox.exchange(*request(job("After")))
    assert answer["page_count"] == 1
    assert pid_of(sandbox) != first


def test_hostile__a_timeout_has_its_own_message(job: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    class Late:
        def exchange(self, *_: object) -> None:
            raise TimedOutError

    monkeypatch.setattr(service, "_sandbox", Late)
    with pytest.raises(RenderTimeoutError, match="longer than 20 seconds"):
        typeset(job(ENDLESS))


def test_child__is_restarted_after_a_crash(job: Make, sandbox: Sandbox) -> None:
    os.kill(pid_of(sandbox), signal.SIGKILL)
    assert sandbox._child is not None
    sandbox._child.wait()
    answer, _ = sandbox.exchange(*request(job("After")))
    assert answer["page_count"] == 1


def test_child__an_internal_error_is_not_a_template_error(
    job: Make, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_sandbox", lambda: sandbox)
    monkeypatch.setattr(service, "request", lambda *_: ({"format": "pdf"}, []))
    with pytest.raises(SandboxError, match="cannot be read"):
        typeset(job("Text"))


def test_child__a_failed_start_is_not_a_template_error(
    job: Make, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("typesetting.sandbox.child_arguments", lambda: ["/no/prelude.typ"])
    with pytest.raises(StartError):
        sandbox.exchange(*request(job("Text")))


def test_child__has_no_secret_in_its_environment(sandbox: Sandbox) -> None:
    environment = Path(f"/proc/{pid_of(sandbox)}/environ").read_bytes().split(b"\0")
    names = {variable.partition(b"=")[0] for variable in environment if variable}
    assert names <= {b"HTTP_PROXY", b"HTTPS_PROXY", b"LD_LIBRARY_PATH", b"MALLOC_ARENA_MAX"}


def test_child__deletes_the_data_of_a_job(job: Make, sandbox: Sandbox) -> None:
    pid_of(sandbox)
    assert sandbox._folder is not None
    folder = Path(sandbox._folder.name)
    asked = job("#qr(data.a)", {"a": "secret"}, images={"http://a/b": b"an image: secret"})
    sandbox.exchange(*request(asked))
    left = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.name for path in left} == {
        "main.typ",
        "craftkit.typ",
        "craftkit-richtext.typ",
        "template.typ",
        "locale.json",
    }
    with pytest.raises(TimedOutError):
        sandbox.exchange(*request(job(ENDLESS)), seconds=0.2)
    assert not folder.exists()


def test_child__its_memory_limit_excludes_the_parent(job: Make) -> None:
    ballast = bytearray(RETIREMENT_BYTES + 1)
    ballast[:: resource.getpagesize()] = b"x" * len(ballast[:: resource.getpagesize()])
    with closing(Sandbox()) as sandbox:
        pid = pid_of(sandbox)
        sandbox.exchange(*request(job("Hello")))
        assert pid_of(sandbox) == pid
    assert ballast


def test_child__a_job_sees_no_image_of_the_one_before(job: Make) -> None:
    image = b"<svg xmlns='http://www.w3.org/2000/svg' width='5' height='5'/>"
    typeset(job('#pdf.artifact(image("/images/0"))', images={"http://a/b": image}))
    with pytest.raises(TypesettingError, match="file not found"):
        typeset(job('#pdf.artifact(image("/images/0"))'))
