"""The child's loop: one job in, one answer out, until the pipe closes."""

import os
import resource
import sys

from typst_child import wire
from typst_child.compiler import Typesetter

# Address space and not resident memory, because it is what the kernel refuses at once.
MEMORY_LIMIT_BYTES = 1536 * 1024 * 1024
# A child that once was this large is replaced after its answer, before it can fail a later job.
RETIREMENT_BYTES = 640 * 1024 * 1024
# The parent stops a job by the clock. Should the parent be gone, the kernel stops it by its use.
CPU_SECONDS_PER_JOB = 90

_OUT_OF_MEMORY = "The render took more memory than it may."


def main() -> None:
    if sys.platform != "darwin":  # where a developer's machine cannot set it
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # The protocol keeps the pipes for itself: whatever prints, prints nowhere.
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    typesetter = Typesetter(*sys.argv[1:])
    typesetter.rehearse()
    while True:
        try:
            header, blobs = wire.receive(requests)
        except EOFError:
            return
        _allow_cpu_seconds(CPU_SECONDS_PER_JOB)
        try:
            answer, results = typesetter.run(header, blobs)
        except MemoryError:
            answer, results = {"error": "too_large", "message": _OUT_OF_MEMORY}, []
        answer["peak_bytes"] = _peak_bytes()
        answer["retire"] = answer["peak_bytes"] > RETIREMENT_BYTES
        wire.send(answers, answer, results)


def _allow_cpu_seconds(seconds: int) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _peak_bytes() -> int:
    """The most memory that this program itself has held at once."""
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Not `ru_maxrss`: it survives exec, and would call the parent's size the child's own.
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 no pathlib in here
        peak = next(line for line in status if line.startswith("VmHWM:"))
    return int(peak.split()[1]) * 1024
