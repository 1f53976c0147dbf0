"""Repeats a transaction that lost a race against another one, where a second try succeeds."""

import functools
import logging
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import OperationalError

from results.db import health

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger(__name__)

_DEADLOCK = "40P01"  # PostgreSQL's code: it ends one of the transactions that wait for each other


def retry_lost_race(transact: Callable[P, T]) -> Callable[P, T]:
    """Run this function, which is one transaction, once more if it lost a race against another transaction."""

    @functools.wraps(transact)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return transact(*args, **kwargs)
        except OperationalError as error:
            if not _is_deadlock(error):
                raise
            logger.warning("A transaction is repeated: %s", health.first_line(error))
        return transact(*args, **kwargs)

    return run


def _is_deadlock(error: OperationalError) -> bool:
    return getattr(error.__cause__, "sqlstate", None) == _DEADLOCK
