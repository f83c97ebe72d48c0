"""Removes the child's rights before it reads its first job: capabilities, new privileges, network,
other programs and processes. This limits what a vulnerability in Typst or a decoder can do.

A kernel may not support a step (an old kernel, another system). The child still has an empty
environment then, and cannot read the parent's memory and environment.
"""

import ctypes
import platform
import struct
import sys

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_CAPABILITY_VERSION_3 = 0x20080522

# Numbers of system calls: /usr/include/asm/unistd_64.h, /usr/include/asm-generic/unistd.h.
# Signals stay allowed: `abort`, which ends a child that ran out of memory, sends one to itself.
_ARCHITECTURES = {
    "x86_64": (
        0xC000003E,
        {
            "socket": 41, "connect": 42, "sendto": 44, "sendmsg": 46, "bind": 49, "socketpair": 53,
            "execve": 59, "ptrace": 101, "unshare": 272, "process_vm_readv": 310,
            "process_vm_writev": 311, "bpf": 321, "execveat": 322, "io_uring_setup": 425,
            "pidfd_open": 434, "pidfd_getfd": 438,
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            "socket": 198, "connect": 203, "sendto": 206, "sendmsg": 211, "bind": 200,
            "socketpair": 199, "execve": 221, "ptrace": 117, "unshare": 97,
            "process_vm_readv": 270, "process_vm_writev": 271, "bpf": 280, "execveat": 281,
            "io_uring_setup": 425, "pidfd_open": 434, "pidfd_getfd": 438,
        },
    ),
}  # fmt: skip
_X32_CALLS = 0x40000000
"""On x86_64, calls from this number on are those of another ABI."""

_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050001  # refused with EPERM


def confine() -> None:
    """Remove the rights that this process does not need. This cannot be undone."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _drop_capabilities(libc)
    _refuse_calls(libc)


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    libc.capset(header, bytes(24))


def _refuse_calls(libc: ctypes.CDLL) -> None:
    known = _ARCHITECTURES.get(platform.machine())
    if known is None:
        return
    architecture, numbers = known
    # struct seccomp_data: the call's number at offset 0, the architecture at 4.
    steps = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _REFUSE)]
    steps.append((_LOAD, 0, 0, 0))
    left = len(numbers) + 1  # steps that can jump to the refusal, which comes last
    steps.append((_AT_LEAST, left, 0, _X32_CALLS))
    for number in numbers.values():
        left -= 1
        steps.append((_EQUAL, left, 0, number))
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    filter_ = struct.pack("@HP", len(steps), ctypes.addressof(program))
    libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, filter_, 0, 0)
