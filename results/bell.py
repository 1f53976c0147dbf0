"""How is a worker told that there is something to do?

The database is the truth and the broker only a bell: whoever rings has already committed what is to be done, so a
bell that nobody hears costs one period of beat, never a run. That is why a broken broker is logged and no more.
"""

import logging

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def ring(task: str, *args: object) -> None:
    """Send this task of `results.tasks` to a worker once the transaction under way is committed."""
    transaction.on_commit(lambda: _send(task, args))


def _send(task: str, args: tuple[object, ...]) -> None:
    try:
        current_app.send_task(f"results.tasks.{task}", args)
    except (OperationalError, OSError) as error:
        logger.warning("The broker cannot be reached, beat will find it later: %s (%s)", task, type(error).__name__)
