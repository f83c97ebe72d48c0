"""The child's loop: one job in, one answer out, until the pipe closes."""

import os
import resource
import sys

from typst_child import wire
from typst_child.compiler import Typesetter
from typst_child.confinement import confine

# Address space and not resident memory, because the kernel refuses it at once.
MEMORY_LIMIT_BYTES = 1536 * 1024 * 1024
# A child that reached this size is replaced after its answer, before it can fail a later job.
RETIREMENT_BYTES = 640 * 1024 * 1024
# The parent stops a job by the clock. If the parent is gone, the kernel stops it by its CPU time.
CPU_SECONDS_PER_JOB = 90
STOPPED_BY_JOB = 70
"""Exit status after an exception that no check foresaw. Its cause is the job: see `sandbox`."""

_OUT_OF_MEMORY = "The render needs more memory than it may use."


def main() -> None:
    if sys.platform != "darwin":  # where a developer's machine cannot set it
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Before any thread is started: threads inherit it.
    confine()
    # The protocol keeps the pipes for itself: other output goes nowhere.
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    log = os.dup(2)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    typesetter = Typesetter(*sys.argv[1:])
    typesetter.warm_up()
    # From here on, messages of Typst and of decoders may hold what a job's author wrote.
    os.dup2(nowhere, 2)
    wire.send(answers, {"ready": True})
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
        except BaseException as error:  # a panic in Rust is no `Exception`
            os.write(log, _where(error))
            os._exit(STOPPED_BY_JOB)
        answer["peak_bytes"] = _peak_bytes()
        answer["retire"] = answer["peak_bytes"] > RETIREMENT_BYTES
        wire.send(answers, answer, results)


def _where(error: BaseException) -> bytes:
    """The exception's class and place, without its message, which may hold data."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    code = trace.tb_frame.f_code if trace else None
    place = f"{code.co_filename}:{trace.tb_lineno}" if code and trace else "unknown"
    return f"typesetting child: {type(error).__name__} in {place}\n".encode()


def _allow_cpu_seconds(seconds: int) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _peak_bytes() -> int:
    """The most memory that this program itself has held at once."""
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Not `ru_maxrss`: it survives exec, and would report the parent's size.
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 no pathlib in here
        peak = next(line for line in status if line.startswith("VmHWM:"))
    return int(peak.split()[1]) * 1024
