"""The heartbeat of this worker process, and the leases that it holds.

Leases bind only while their worker's heartbeat is fresh, so the runs of a killed worker are free within seconds.
A worker that is alive may still have lost a lease, as when the database went away before an answer could be stored:
each heartbeat releases such leases.
"""

import logging
import os
import socket
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event, Thread

from django.db import DatabaseError, InterfaceError, close_old_connections, connection

from results import clock
from results.db import health
from results.models import Run, WorkerHeartbeat

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 2.0
# Rows of dead workers tell people since when there has been none; older ones go.
_FORGET_AFTER = 100 * WorkerHeartbeat.DEAD_AFTER

# None in a process that is no worker, such as the web server or a command, and until the first heartbeat is stored:
# leases given then bind until they end.
worker_id: uuid.UUID | None = None
held_leases: set[uuid.UUID] = set()

_stopped = Event()


def start() -> Callable[[], None]:
    """Keep this process's heartbeat in a thread of its own, and return the function that stops it."""
    Thread(target=_keep_beating, name="heartbeat", daemon=True).start()
    return stop


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


def renew(now: datetime) -> None:
    """Renew a heartbeat that is late, as while another process writes for long: who claims a lease is alive."""
    if worker_id:
        late = now - timedelta(seconds=HEARTBEAT_SECONDS)
        WorkerHeartbeat.objects.filter(id=worker_id, seen_at__lt=late).update(seen_at=now)


def _keep_beating() -> None:
    has_failed = False
    while not _stopped.is_set():
        close_old_connections()
        try:
            if health.is_migrated():
                beat()
            else:
                health.log_not_migrated()
        except Exception as error:  # without its heartbeat a worker that goes on would count as dead
            if not has_failed:  # one line for each outage, not one every two seconds
                logger.warning("The worker's heartbeat could not be stored: %s", health.first_line(error))
            has_failed = True
        else:
            has_failed = False
        _stopped.wait(HEARTBEAT_SECONDS)
    connection.close()


def beat() -> None:
    """Store this worker's heartbeat, and release the leases in its name that it no longer holds.

    The first one registers the process as a worker.
    """
    global worker_id
    now = clock.now()
    if not (worker_id and WorkerHeartbeat.objects.filter(id=worker_id).update(seen_at=now)):
        name = f"{socket.gethostname()}:{os.getpid()}"
        row = WorkerHeartbeat.objects.create(id=worker_id or uuid.uuid4(), name=name, seen_at=now)
        worker_id = row.pk  # only now, since a lease of a worker without a heartbeat binds no one
        WorkerHeartbeat.objects.filter(seen_at__lt=now - _FORGET_AFTER).delete()
    # A lease is in the set before it is in the database, and leaves it afterwards.
    stored = set(Run.objects.filter(leased_by=worker_id, lease__isnull=False).values_list("lease", flat=True))
    if lost := stored - held_leases:
        Run.objects.filter(lease__in=lost).update(lease=None, lease_until=None, leased_by=None)
