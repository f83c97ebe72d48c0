"""The typesetter, compared with Typst alone and other programs: warm, cold, large, sandboxed.

Every document has different data, so that no cache has the result.
"""

import itertools
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import invoice
from benchmarks.measurement import Result, medians, milliseconds
from benchmarks.rivals.contest import contest
from deployment.build import build_for_host
from typesetting import typeset, warm
from typesetting.request import request
from typesetting.sandbox import Sandbox, child_arguments
from typst_child.compiler import Typesetter

ROUNDS = 60
_COLD_ROUNDS = 11
_PACKAGE = ("CraftkitLayer", "TypesettingLayer", "TypesettingCjkLayer", "LiveWorkerFunction")

_numbers = itertools.count(1)


def measure() -> Iterable[Result]:
    warm()
    with TemporaryDirectory() as folder:
        yield from _warm(Path(folder))
    yield from contest(lambda: milliseconds(lambda: typeset(invoice.job(_next()))))
    yield _cold()
    yield from _large()
    yield _package()


def _next(rows: int | None = None) -> invoice.Data:
    return invoice.data(next(_numbers), rows)


def _warm(folder: Path) -> Iterable[Result]:
    """Craftkit, Typst alone, and Craftkit without the child process."""
    by_hand = invoice.ByHand(folder)
    (folder / "child").mkdir()
    here = Typesetter(str(folder / "child"), *child_arguments())

    def ours() -> float:
        job = invoice.job(_next())
        return milliseconds(lambda: typeset(job))

    def hand() -> float:
        data = _next()
        return milliseconds(lambda: by_hand.typeset(data))

    def unguarded() -> float:
        job = invoice.job(_next())
        return milliseconds(lambda: here.run(*request(job)))

    whole, direct, alone = medians(ours, hand, unguarded, rounds=ROUNDS, warm_up=5)
    yield Result(
        "typesetting.invoice",
        whole,
        "ms",
        baseline=("the same Typst by hand, compiled directly", direct),
        target="ratio <= 1.15",
    )
    yield Result(
        "typesetting.isolation",
        max(whole - alone, 0.0),
        "ms",
        target="value <= 5",
        note="what the child process adds to the same work in this one",
    )


def _cold() -> Result:
    """Time from the start of a process to its first document, minus an empty process."""
    make = "from benchmarks import invoice; job = invoice.job(invoice.data(0))"
    first, empty, again = medians(
        lambda: _until_done(f"from typesetting import typeset, warm; warm(); {make}; typeset(job)"),
        lambda: _until_done(f"import typesetting; {make}"),
        lambda: milliseconds(lambda: typeset(invoice.job(_next()))),
        rounds=_COLD_ROUNDS,
        warm_up=2,
    )
    return Result(
        "typesetting.cold",
        first - empty,
        "ms",
        baseline=("a warm render", again),
        target="ratio <= 3",
        note="a new process's first render, less the start of a process that only makes the job",
    )


def _until_done(program: str) -> float:
    """Milliseconds from the start of a process to its end."""
    code = f"import sys, time; {program}; print(time.monotonic() - float(sys.argv[1]))"
    command = [sys.executable, "-c", code, str(time.monotonic())]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout) * 1000


def _large() -> Iterable[Result]:
    """Time and peak memory of thousands of rows, each document in a new child process."""
    peaks: list[int] = []

    def rows(count: int) -> float:
        sandbox = Sandbox()
        sandbox.exchange(*request(invoice.job(_next())))
        job = request(invoice.job(_next(count)))
        taken = milliseconds(lambda: peaks.append(sandbox.exchange(*job)[0]["peak_bytes"]))
        sandbox.close()
        return taken

    large, small = medians(lambda: rows(5000), lambda: rows(500), rounds=3, warm_up=0)
    yield Result(
        "typesetting.rows",
        large,
        "ms",
        baseline=("500 rows", small),
        target="ratio <= 12",
        note="5,000 rows",
    )
    yield Result("typesetting.memory", max(peaks) / 2**20, "MiB", target="value <= 1024")


def _package() -> Result:
    """The unzipped size of a worker: its code and its layers."""
    build = build_for_host()
    size = sum(
        file.stat().st_size
        for part in _PACKAGE
        for file in (build / part).rglob("*")
        if file.is_file()
    )
    return Result("typesetting.package", size / 2**20, "MiB", target="value <= 220")
