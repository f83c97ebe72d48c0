"""`make bench`: runs all measurements, prints the table, writes results/latest.json.

A missed target is reported as missed and does not fail the run. With module names
(`ARGS=cold_start`) only those modules run, and no results are written.
"""

import importlib
import json
import os
import pkgutil
import platform
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import benchmarks
from benchmarks import report
from benchmarks.measurement import Result
from deployment.workspace import ROOT

LATEST = Path(__file__).parent / "results" / "latest.json"

_LAST = ("load", "keys")
"""What floods the stack comes last: the embedded AWS, one process, is slower for all that it holds.
"""


# Handlers' logs are not part of the report.
os.environ |= {"POWERTOOLS_LOG_LEVEL": "CRITICAL", "POWERTOOLS_METRICS_DISABLED": "true"}


def main(names: list[str]) -> None:
    results: list[Result] = []
    for name, module in modules(names):
        print(f"  {name} …", file=sys.stderr, flush=True)
        for result in module.measure():
            results.append(result)
            print(line(result), flush=True)
    if not names:
        written = {
            "machine": machine(),
            "commit": commit(),
            "measuredAt": datetime.now(UTC).isoformat(timespec="seconds"),
            "results": [result.as_json() for result in results],
        }
        LATEST.write_text(json.dumps(written, indent=2, ensure_ascii=False) + "\n")
        report.write(written)
    missed = [result.name for result in results if result.met is False]
    print(f"\n  {len(results)} results, {len(missed)} targets missed. {' '.join(missed)}")


def modules(names: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """The modules of this package that measure something, by name; `_LAST` after the others."""
    wanted = set(names)
    found = [info.name for info in pkgutil.iter_modules(benchmarks.__path__)]
    if unknown := wanted - set(found):
        sys.exit(f"There is no benchmark called {', '.join(sorted(unknown))}.")
    for name in [*sorted(set(found) - set(_LAST)), *_LAST]:
        if name.startswith("__") or (wanted and name not in wanted):
            continue
        module = importlib.import_module(f"benchmarks.{name}")
        if hasattr(module, "measure"):
            yield name, module


def line(result: Result) -> str:
    """One row: name, value, baseline, target, and whether the target is met."""
    compared = ""
    if result.baseline and result.ratio is not None:
        name, value = result.baseline
        compared = f"{result.ratio:8.2f} × {name} ({value:,.2f} {result.unit})"
    verdict = {None: " ", True: "✓", False: "✗"}[result.met]
    target = f"  target {result.target}" if result.target else ""
    return f"  {verdict} {result.name:<40}{result.value:12,.2f} {result.unit:<8}{compared}{target}"


def machine() -> dict[str, Any]:
    """The hardware and software of the machine, without its name."""
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memoryGiB": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        for described in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if described.startswith("model name"):
                return described.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor()


def commit() -> str:
    """The measured commit, with `-dirty` if the sources have uncommitted changes."""
    described = subprocess.run(
        ["git", "describe", "--always", "--abbrev=12", "--dirty"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    return described.stdout.strip() or "unknown"


if __name__ == "__main__":
    main(sys.argv[1:])
