"""The metrics of Prometheus: requests as the web processes of this machine count them, and the state of the work.

That state is read from the database when Prometheus asks, and is the same on every machine.
"""

import logging
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from time import perf_counter

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.db import DatabaseError, InterfaceError
from django.db.models import Count, Sum
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from results import clock
from results.models import Call, MediaCopy
from results.refresh import backlog

logger = logging.getLogger(__name__)

CALLS_WINDOW = timedelta(minutes=5)
# Of each file that a process counts into: some times what all views with all their statuses take.
FILE_BYTES = 2 * 2**20
BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 10, 30)

REQUESTS = Counter(
    "dubroom_requests", "Requests answered, by view, method and status.", ["view", "method", "status"]
)
SECONDS = Histogram("dubroom_request_seconds", "Seconds to the answer, by view.", ["view"], buckets=BUCKETS)


def measured_requests(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Count each request and its time under the name of its URL, unless no metrics are wanted or possible."""
    if not settings.METRICS_TOKEN:
        raise MiddlewareNotUsed
    try:
        _allocate_files()
    except OSError as error:
        logger.error("Requests are not counted until the next start: %s", error)
        raise MiddlewareNotUsed from error

    def middleware(request: HttpRequest) -> HttpResponseBase:
        began = perf_counter()
        response = get_response(request)
        view = (request.resolver_match.view_name if request.resolver_match else "") or "none"
        method = request.method if request.method in ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE") else "other"
        REQUESTS.labels(view, method, str(response.status_code)).inc()
        SECONDS.labels(view).observe(perf_counter() - began)
        return response

    return middleware


def _allocate_files() -> None:
    """Create the files that this process counts into, with every block of theirs. Raises OSError.

    prometheus_client maps them into memory. Where a block is missing and the disk is full, counting would end the
    process (SIGBUS), and each one that replaces it.
    """
    folder = _folder()
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{kind}_{os.getpid()}.db" for kind in ("counter", "histogram")]
    try:
        for path in paths:
            with path.open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, FILE_BYTES)
    except OSError:
        for path in paths:
            path.unlink(missing_ok=True)
        raise


def _folder() -> Path | None:
    """Return the folder that the processes of a web server count into; None in a process by itself."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    return Path(folder) if folder else None


class WorkCollector(Collector):
    """Reads the state of the work from the database and the broker.

    What can be read is given while one of them is away, since alerts about that come from here too.
    """

    def collect(self) -> Iterator[Metric]:
        try:
            found = [*_work(), *_calls_and_media()]
            is_up = True
        except (DatabaseError, InterfaceError):
            found, is_up = [], False
        yield _gauge("database_up", "Whether this machine can read the database: 1 or 0.", is_up)
        yield from found
        if (messages := backlog.messages_or_none()) is not None:
            queued = GaugeMetricFamily(
                "dubroom_queued_messages", "Messages waiting in the broker.", labels=["queue"]
            )
            for name, number in messages.items():
                queued.add_metric([name], number)
            yield queued


def _gauge(name: str, help_text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"dubroom_{name}", help_text, value)


def _work() -> Iterator[Metric]:
    state = backlog.read_backlog()
    yield _gauge("due_runs", "Runs that are due and whose key may be used.", state.due_runs)
    yield _gauge("oldest_due_age_seconds", "Age of the oldest of them.", state.oldest_due_age)
    yield _gauge("unfinished_runs", "Runs that are still checked.", state.unfinished_runs)
    yield _gauge("leases", "Leases held, which are calls in flight.", state.leases)
    yield _gauge("leased_runs", "Runs under a lease.", state.leased_runs)
    yield _gauge(
        "unindexed_runs", "Runs whose lines wait to enter or leave the search index.", state.unindexed_runs
    )
    yield _gauge("waiting_copies", "Copies of media that are due to be fetched.", state.waiting_copies)
    yield _gauge("workers", "Workers with a fresh heartbeat.", state.workers)
    if state.heartbeat_age is not None:
        yield _gauge("heartbeat_age_seconds", "Since any worker's heartbeat.", state.heartbeat_age)
    if state.beat_delay is not None:
        yield _gauge("beat_delay_seconds", "How long beat's most frequent task is overdue.", state.beat_delay)


def _calls_and_media() -> Iterator[Metric]:
    calls = GaugeMetricFamily(
        "dubroom_calls_5m", "Calls to CAMB.AI of the last 5 minutes, by outcome.", labels=["outcome"]
    )
    recent = Call.objects.filter(at__gte=clock.now() - CALLS_WINDOW).order_by()
    counts = dict(recent.values_list("outcome").annotate(Count("pk")))
    for outcome in Call.Outcome.values:
        calls.add_metric([outcome], counts.get(outcome, 0))
    yield calls
    kept = MediaCopy.objects.filter(state=MediaCopy.State.KEPT).aggregate(
        n=Count("pk"), size=Sum("size", default=0)
    )
    yield _gauge("media_copies", "Copies of media kept.", kept["n"])
    yield _gauge("media_bytes", "Bytes of the copies kept.", kept["size"])


def exposition() -> bytes:
    """Return all metrics in the text format of Prometheus."""
    counted: CollectorRegistry = REGISTRY
    if (folder := _folder()) and folder.is_dir():
        counted = CollectorRegistry()
        multiprocess.MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    work = CollectorRegistry()
    work.register(WorkCollector())
    return generate_latest(counted) + generate_latest(work)
