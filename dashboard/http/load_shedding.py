"""Load shedding: a request that has waited too long for a thread is refused before any work is done on it.

Under more load than the server can take, every request would otherwise wait for minutes, and be answered when
nobody waits for it any more. While the database hangs, and all threads with it, none would ever be.
"""

MAX_WAIT_SECONDS = 5.0
RETRY_AFTER_SECONDS = 5
POLL = "/poll/"
# The health check has a thread of its own, and monitoring has to hear within a second that it does not end.
HEALTH = "/health/"
MAX_HEALTH_SECONDS = 0.8
UNHEALTHY = "The health check did not end in time: the database hangs, or this server is overloaded."


class OverloadError(Exception):
    """The request waited too long for a thread (503)."""

    status = 503
    is_visitor = False


def max_wait_seconds(path: str) -> float:
    """Return how long a request for this path may wait for a thread, or the health check for its end."""
    return MAX_HEALTH_SECONDS if path.endswith(HEALTH) else MAX_WAIT_SECONDS
