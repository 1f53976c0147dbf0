"""Leaves the decoder's process only the system calls that decoding takes, by a seccomp filter of the kernel.

Limits alone do not keep a decoder that a hostile file has taken over from reading the memory of other processes of
the same user, or from sending them signals. libseccomp, which almost every Linux system has, writes the filter for
the processor at hand.
"""

import ctypes
import errno
import logging
import sys
from collections.abc import Callable
from functools import cache

# Memory, threads' locks, the clock, and files that are open already. Opening takes a number, which RLIMIT_NOFILE
# denies; the call itself is allowed, so that Python's own attempts fail as they do without the filter.
ALLOWED = (
    "brk", "clock_getres", "clock_gettime", "clock_nanosleep", "close", "exit", "exit_group", "fstat", "futex",
    "getcpu", "getegid", "geteuid", "getgid", "getpid", "getrandom", "gettid", "gettimeofday", "getuid",
    "ioctl", "lseek", "madvise", "mmap", "mprotect", "mremap", "munmap", "nanosleep", "newfstatat", "openat",
    "poll", "pread64", "read", "readv", "restart_syscall", "rseq", "rt_sigaction", "rt_sigprocmask",
    "rt_sigreturn", "sched_getaffinity", "sched_yield", "set_robust_list", "sigaltstack", "statx", "sysinfo",
    "time", "times", "write", "writev",
)  # fmt: skip
PR_SET_DUMPABLE = 4
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000

logger = logging.getLogger(__name__)


class NoFilterError(Exception):
    """This system cannot filter system calls; the message says why."""


def prepare_filter() -> Callable[[], None]:
    """Return a function that gives up every other system call of this process, for good.

    Only this step opens files. Raises NoFilterError.
    """
    library = _library()
    library.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(library.seccomp_init(_ERRNO | errno.EPERM))
    if not rules:
        raise NoFilterError("libseccomp could not begin a filter")
    for name in ALLOWED:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # some processors do without the older calls
            library.seccomp_rule_add(rules, ctypes.c_uint32(_ALLOW), number, 0)

    def give_up() -> None:
        # Its memory, and with it the file of a stranger, is closed to others of the same user.
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
        if failed := library.seccomp_load(rules):
            raise NoFilterError(f"the kernel has refused the filter ({errno.errorcode.get(-failed, failed)})")

    return give_up


def filter_or_nothing() -> Callable[[], None]:
    """Return the function of `prepare_filter`; one that does nothing where there is no filter."""
    try:
        give_up = prepare_filter()
    except NoFilterError:
        return lambda: None

    def try_to() -> None:
        try:
            give_up()
        except NoFilterError:
            return

    return try_to


@cache
def tell_if_missing() -> None:
    """Log once in each process whether decoders run without the filter, and what to do about it."""
    try:
        prepare_filter()
    except NoFilterError as error:
        logger.warning(
            "Media are decoded without a filter of system calls: %s. Limits of memory, time and files hold all the "
            "same. On Linux, install libseccomp2.",
            error,
        )


def _library() -> ctypes.CDLL:
    if sys.platform != "linux":
        raise NoFilterError("only Linux has one")
    try:
        return ctypes.CDLL("libseccomp.so.2")
    except OSError as error:
        raise NoFilterError("libseccomp is not on this machine") from error
