"""The heartbeat of this worker process, and the leases that it holds.

Leases bind only while their worker's heartbeat is fresh, so the runs of a killed worker are free within seconds.
A worker that is alive may still have lost a lease, as when the database went away before an answer could be stored:
each heartbeat releases such leases.
"""

import logging
import os
import socket
import uuid
from threading import Event, Thread

from django.db import DatabaseError, InterfaceError, close_old_connections, connection

from results import clock
from results.db import health
from results.models import Run, WorkerHeartbeat

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 2.0
# Rows of dead workers tell people since when there has been none; older ones go.
_FORGET_AFTER = 100 * WorkerHeartbeat.DEAD_AFTER

# None in a process that is no worker, such as the web server or a command: its leases bind until they end.
worker_id: uuid.UUID | None = None
held_leases: set[uuid.UUID] = set()

_stopped = Event()


def start() -> None:
    """Register this process as a worker and keep its heartbeat in a thread of its own."""
    global worker_id
    worker_id = uuid.uuid4()
    Thread(target=_keep_beating, name="heartbeat", daemon=True).start()


def stop() -> None:
    """End the heartbeat, so that other workers go on with this one's runs at once."""
    _stopped.set()
    if worker_id is None:
        return
    try:
        # The row stays: it tells people since when there has been no worker.
        seen_at = clock.now() - WorkerHeartbeat.DEAD_AFTER
        WorkerHeartbeat.objects.filter(id=worker_id).update(seen_at=seen_at)
    except (DatabaseError, InterfaceError) as error:
        logger.warning("The worker could not sign off: %s", health.first_line(error))


def _keep_beating() -> None:
    has_failed = False
    while not _stopped.is_set():
        close_old_connections()
        try:
            beat()
        except (DatabaseError, InterfaceError) as error:
            if not has_failed:  # one line for each outage, not one every two seconds
                logger.warning("The worker's heartbeat could not be stored: %s", health.first_line(error))
            has_failed = True
        else:
            has_failed = False
        _stopped.wait(HEARTBEAT_SECONDS)
    connection.close()


def beat() -> None:
    """Renew this worker's heartbeat, and release the leases in its name that it no longer holds."""
    assert worker_id  # noqa: S101
    now = clock.now()
    if not WorkerHeartbeat.objects.filter(id=worker_id).update(seen_at=now):
        WorkerHeartbeat.objects.create(id=worker_id, name=f"{socket.gethostname()}:{os.getpid()}", seen_at=now)
        WorkerHeartbeat.objects.filter(seen_at__lt=now - _FORGET_AFTER).delete()
    # A lease is in the set before it is in the database, and leaves it afterwards.
    stored = set(Run.objects.filter(leased_by=worker_id, lease__isnull=False).values_list("lease", flat=True))
    if lost := stored - held_leases:
        Run.objects.filter(lease__in=lost).update(lease=None, lease_until=None, leased_by=None)
