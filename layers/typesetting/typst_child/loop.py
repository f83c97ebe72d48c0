"""The child's main loop: reads a job and writes its response until the pipe closes."""

import os
import resource
import sys

from typst_child import wire
from typst_child.compiler import Typesetter
from typst_child.confinement import confine

# Limits the address space, not resident memory: the kernel refuses an allocation immediately.
MEMORY_LIMIT_BYTES = 1536 * 1024 * 1024
# A child that reached this size is replaced after its response, before it can fail a later job.
RETIREMENT_BYTES = 640 * 1024 * 1024
# The parent ends a job at its deadline. If the parent has ended, the kernel ends it by CPU time.
CPU_SECONDS_PER_JOB = 90
STOPPED_BY_JOB = 70
"""Exit status after an unexpected exception. The job is the cause: see `sandbox`."""

_OUT_OF_MEMORY = "The render needs more memory than it may use."


def main() -> None:
    if sys.platform != "darwin":  # macOS does not support the limit
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Before any thread is started: threads inherit it.
    confine()
    # Only frames may go through the pipes: other output is discarded.
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    log = os.dup(2)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    typesetter = Typesetter(*sys.argv[1:])
    typesetter.warm_up()
    # From here on, messages of Typst and of decoders can contain a job's data.
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
        except BaseException as error:  # a panic in Rust is not an `Exception`
            os.write(log, _where(error))
            os._exit(STOPPED_BY_JOB)
        answer["peak_bytes"] = _peak_bytes()
        answer["retire"] = answer["peak_bytes"] > RETIREMENT_BYTES
        wire.send(answers, answer, results)


def _where(error: BaseException) -> bytes:
    """The exception's class and position, without its message, which can contain data."""
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
    """Peak resident memory of this process."""
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Not `ru_maxrss`: it is inherited through exec, and would report the parent's size.
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 no pathlib in here
        peak = next(line for line in status if line.startswith("VmHWM:"))
    return int(peak.split()[1]) * 1024
