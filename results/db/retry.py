"""Repeats a transaction that lost a race against another one, where a second try succeeds."""

import functools
import logging
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import DatabaseError, IntegrityError

from results.db import health

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger(__name__)

_DEADLOCK = "40P01"  # PostgreSQL's code: it ends one of the transactions that wait for each other
# A run of this id was added, or a task became it, since the transaction looked for it: a second try finds it.
_RUN_IS_KNOWN = "one_run_a_team"


def retry_lost_race(transact: Callable[P, T]) -> Callable[P, T]:
    """Run this function, which is one transaction, once more if it lost a race against another transaction."""

    @functools.wraps(transact)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return transact(*args, **kwargs)
        except DatabaseError as error:
            if not _is_lost_race(error):
                raise
            logger.warning("A transaction is repeated: %s", health.first_line(error))
        return transact(*args, **kwargs)

    return run


def _is_lost_race(error: DatabaseError) -> bool:
    is_known = isinstance(error, IntegrityError) and _RUN_IS_KNOWN in health.first_line(error)
    return is_known or getattr(error.__cause__, "sqlstate", None) == _DEADLOCK
