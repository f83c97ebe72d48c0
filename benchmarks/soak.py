"""`make soak`: the highest rate that the machine holds, for minutes; does anything grow or fail?

    python -m benchmarks.soak --minutes 10

It starts a stack of its own, on loopback alone, and ends by itself. Written to results/soak.json.
"""

import argparse
import json
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.load import CALLERS, knee_of
from benchmarks.pressure import press
from tests.support.stack import local_stack

RESULT = Path(__file__).parent / "results" / "soak.json"

_WARM_SECONDS = 20.0
_STEP_SECONDS = 6.0
_SAMPLE_SECONDS = 5.0
_GROWTH = 1.15
"""How much more memory or handles the last fifth may have than the second."""


@dataclass(frozen=True)
class Sample:
    """Memory and open handles of one process at one moment."""

    name: str
    resident_bytes: int
    handles: int


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    minutes = parser.parse_args().minutes
    with local_stack() as (stack, home):
        press(stack, max(CALLERS), _WARM_SECONDS)
        callers = knee_of({number: press(stack, number, _STEP_SECONDS) for number in CALLERS})
        samples: list[dict[int, Sample]] = []
        ended = threading.Event()
        watcher = threading.Thread(target=watch, args=(home, samples, ended))
        watcher.start()
        heard = press(stack, callers, minutes * 60)
        ended.set()
        watcher.join()
    memory, handles = growth(samples)
    written = {
        "minutes": minutes,
        "callers": callers,
        "answers": len(heard.waited),
        "perSecond": round(heard.per_second, 1),
        "p50Ms": round(heard.p50, 1),
        "p99Ms": round(heard.p99, 1),
        "statuses": dict(sorted(heard.statuses.items())),
        "functions": len(samples[-1]) if samples else 0,
        "memoryGrowth": round(memory, 3),
        "handlesGrowth": round(handles, 3),
        "met": heard.faults == 0 and memory <= _GROWTH and handles <= _GROWTH,
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(written, indent=2))
    return 0 if written["met"] else 1


def watch(home: Path, samples: list[dict[int, Sample]], ended: threading.Event) -> None:
    while not ended.wait(_SAMPLE_SECONDS):
        samples.append(functions_of(home))


def functions_of(home: Path) -> dict[int, Sample]:
    """The processes of the stack's functions, known by the folder that they are unpacked in.

    Not the embedded AWS's own, which keeps in memory whatever it is given.
    """
    mark = f"TMPDIR={home / 'unpacked'}".encode()
    found: dict[int, Sample] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark not in (folder / "environ").read_bytes():
                continue
            command = (folder / "cmdline").read_bytes().decode(errors="replace")
            if "bin/ministack" in command:
                continue
            status = (folder / "status").read_text()
            kilobytes = next(
                int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")
            )
            handles = len(list((folder / "fd").iterdir()))
        except (OSError, StopIteration):
            continue  # it has ended meanwhile
        found[int(folder.name)] = Sample(command, kilobytes * 1024, handles)
    return found


def growth(samples: list[dict[int, Sample]]) -> tuple[float, float]:
    """The last fifth against the second, of the processes that lived through both."""
    if len(samples) < 10:
        return 1.0, 1.0
    fifth = len(samples) // 5
    early, late = samples[fifth : 2 * fifth], samples[-fifth:]
    steady = set.intersection(*(set(each) for each in (*early, *late)))

    def total(part: list[dict[int, Sample]], name: str) -> float:
        return median(float(sum(getattr(each[pid], name) for pid in steady)) for each in part)

    if not steady:
        return 1.0, 1.0
    return (
        total(late, "resident_bytes") / total(early, "resident_bytes"),
        total(late, "handles") / total(early, "handles"),
    )


if __name__ == "__main__":
    sys.exit(main())
