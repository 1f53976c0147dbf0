"""Lets a process of the web server hold as many connections as its command line allows (--backpressure).

Each connection is an open file, and many systems let a process have 1,024 unless it asks for more. Beyond that, not
only connections fail but also whatever opens a file to answer one.
"""

import resource

CONNECTIONS = 4096
_OTHERS = 1024  # the database, templates, downloads, part files


def allow_many() -> int:
    """Raise this process's limit of open files as far as needed and possible; return the limit."""
    wanted = CONNECTIONS + _OTHERS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return limit
