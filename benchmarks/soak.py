"""`make soak`: runs at the machine's maximum rate for minutes, and checks for errors and leaks.

    python -m benchmarks.soak --minutes 10

It starts its own stack on loopback, and writes results/soak.json.
"""

import argparse
import json
import re
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.load import CALLERS, knee_of
from benchmarks.pressure import press
from testkit.stack import local_stack

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
    memory, handles = growth(samples, "resident_bytes"), growth(samples, "handles")
    written = {
        "minutes": minutes,
        "callers": callers,
        "answers": len(heard.waited),
        "perSecond": round(heard.per_second, 1),
        "p50Ms": round(heard.p50, 1),
        "p99Ms": round(heard.p99, 1),
        "statuses": dict(sorted(heard.statuses.items())),
        "functions": len(samples[-1]) if samples else 0,
        "memoryGrowth": {name: round(share, 3) for name, share in memory.items()},
        "handlesGrowth": {name: round(share, 3) for name, share in handles.items()},
        "met": heard.faults == 0 and max([0.0, *memory.values(), *handles.values()]) <= _GROWTH,
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(written, indent=2))
    return 0 if written["met"] else 1


def watch(home: Path, samples: list[dict[int, Sample]], ended: threading.Event) -> None:
    while not ended.wait(_SAMPLE_SECONDS):
        samples.append(functions_of(home))


def functions_of(home: Path) -> dict[int, Sample]:
    """The processes of the stack's functions and their children, by command line.

    Without the embedded AWS, which keeps all data in memory.
    """
    mark = str(home / "unpacked")
    found: dict[int, Sample] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().decode(errors="replace")
            if mark not in command:
                continue
            status = (folder / "status").read_text()
            kilobytes = next(
                int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")
            )
            handles = len(list((folder / "fd").iterdir()))
        except (OSError, StopIteration):
            continue  # the process ended
        named = re.search(r"craftkit-local-(\w+?)Function-", command)
        name = (named[1] if named else "?") + (" (child)" if "typst_child" in command else "")
        found[int(folder.name)] = Sample(name, kilobytes * 1024, handles)
    return found


def growth(samples: list[dict[int, Sample]], measure: str) -> dict[str, float]:
    """By function: the last fifth of the time compared with the second, for the same processes."""
    if len(samples) < 10:
        return {}
    fifth = len(samples) // 5
    early, late = samples[fifth : 2 * fifth], samples[-fifth:]
    steady = set.intersection(*(set(each) for each in (*early, *late)))
    by_name: dict[str, list[int]] = {}
    for pid in steady:
        by_name.setdefault(early[0][pid].name, []).append(pid)

    def total(part: list[dict[int, Sample]], pids: list[int]) -> float:
        return median(float(sum(getattr(each[pid], measure) for pid in pids)) for each in part)

    return {name: total(late, pids) / total(early, pids) for name, pids in sorted(by_name.items())}


if __name__ == "__main__":
    sys.exit(main())
