"""Calls to CAMB.AI, workers, and the intervals of beat. Durations are in seconds unless named otherwise."""

import os
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from kombu import Queue

from dashboard.settings.environment import PORT, env
from dashboard.settings.storage import BROKER_URL, IS_REDIS

CAMB_BASE_URL = env.str("CAMB_BASE_URL", default="https://client.camb.ai/apis").rstrip("/")
if not CAMB_BASE_URL.startswith(("https://", "http://")):
    raise ImproperlyConfigured(f"CAMB_BASE_URL is {CAMB_BASE_URL!r}; it must begin with https:// or http://.")
CAMB_CONNECT_SECONDS = env.float("CAMB_CONNECT_SECONDS", default=5.0)
CAMB_READ_SECONDS = env.float("CAMB_READ_SECONDS", default=20.0)
CAMB_TOTAL_SECONDS = env.float("CAMB_TOTAL_SECONDS", default=60.0)

REFRESH_CALLS_PER_KEY = env.int("REFRESH_CALLS_PER_KEY", default=8)
REFRESH_CALLS_PER_SECOND = env.float("REFRESH_CALLS_PER_SECOND", default=20.0)
if REFRESH_CALLS_PER_SECOND <= 0:
    raise ImproperlyConfigured(f"REFRESH_CALLS_PER_SECOND is {REFRESH_CALLS_PER_SECOND:g}; it must be above 0.")
REFRESH_TICK_SECONDS = env.float("REFRESH_TICK_SECONDS", default=2.0)
REFRESH_FIRST_SECONDS = env.float("REFRESH_FIRST_SECONDS", default=5.0)
REFRESH_WATCHED_SECONDS = env.float("REFRESH_WATCHED_SECONDS", default=15.0)
REFRESH_SLOWEST_SECONDS = env.float("REFRESH_SLOWEST_SECONDS", default=30 * 60.0)
REFRESH_DAILY_AFTER_DAYS = env.float("REFRESH_DAILY_AFTER_DAYS", default=7.0)
# A batch of events is told once nothing has happened for this long.
NOTIFY_QUIET_SECONDS = env.float("NOTIFY_QUIET_SECONDS", default=60.0)
# Hosts in our own network, as name:port, that teams' channels may reach; all others must be on the public internet.
CHANNEL_HOSTS = env.list("CHANNEL_HOSTS", default=[])
# Tells which runs a saved view shows. The query of the list belongs to the pages, which `results` does not import.
SAVED_VIEW_FILTER = "dashboard.pages.run_query.runs_of_view"
CALL_LOG_DAYS = env.float("CALL_LOG_DAYS", default=30.0)
AUDIT_DAYS = env.float("AUDIT_DAYS", default=365.0)

# The stand-in CAMB.AI with sample dubs is on by default only when neither a database nor CAMB.AI is configured.
DEMO = env.bool("DEMO", default="DATABASE_URL" not in os.environ and "CAMB_BASE_URL" not in os.environ)
DEMO_PORT = env.int("DEMO_PORT", default=PORT + 1)
DEMO_BASE_URL = f"http://127.0.0.1:{DEMO_PORT}/apis"

# --- Workers -----------------------------------------------------------------------------------------

CELERY_BROKER_URL = BROKER_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # reconnect however long the broker is down
CELERY_BROKER_CHANNEL_ERROR_RETRY = True  # also when the broker refuses messages, as Redis does without memory
# By default kombu tries for six seconds to connect before it gives up a message. Workers connect anew in any case.
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {"max_retries": 0}
if IS_REDIS:
    # A worker waits longer: a message that Redis sends after this time would be lost. A page does not (asgi.py).
    seconds = env.float("BROKER_SECONDS", default=5.0)
    CELERY_BROKER_TRANSPORT_OPTIONS |= {"socket_connect_timeout": seconds, "socket_timeout": seconds}
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = CELERY_RESULT_ACCEPT_CONTENT = ["json"]  # a worker refuses a message that is a pickle
CELERY_TASK_IGNORE_RESULT = True
# Tasks are enqueued after the commit, and the database holds the work: a web request does not wait for a broker
# that is down.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_POOL = "dashboard.worker:WorkerPool"
CELERY_WORKER_CONSUMER = "dashboard.worker:BrokerConsumer"
# Threads that sweep. The worker has twelve more, so that no person waits for a sweep or a copy: four at most fetch
# copies of media, four deliver notifications, and the others do what takes a moment.
WORKER_THREADS = env.int("WORKER_THREADS", default=16)
CELERY_WORKER_CONCURRENCY = WORKER_THREADS + 12
# What a person waits for has a queue of its own: it is not behind what was sent while there was no worker.
CELERY_TASK_QUEUES = [Queue("celery"), Queue("interactive")]
CELERY_TASK_ROUTES = {
    f"results.tasks.{task}": {"queue": "interactive"} for task in ("refresh_requested", "test_key")
}
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
# The interval at which a worker checks its timers, and so the longest delay before it notices a stop signal.
CELERY_WORKER_TIMER_PRECISION = 0.1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# The schedule is in the database, by its clock: a time once planned survives restarts, and no message expires.
CELERY_BEAT_SCHEDULER = "results.queue.beat:BeatScheduler"
CELERY_BEAT_SCHEDULE = {
    name: {"task": f"results.tasks.{name.replace('-', '_')}", "schedule": seconds}
    for name, seconds in {
        "refresh-due": REFRESH_TICK_SECONDS,
        "match-saved-searches": 5.0,
        "detect-languages": 5.0,
        "sync-copies": 10.0,
        "store-checks": 5.0,
        "take-stills": 300.0,
        "apply-speaker-names": 60.0,
        "apply-run-changes": 60.0,
        "suggest-sources": 10.0,
        "fill-search-forms": 60.0,
        "notify": 5.0,
        "read-bounces": 600.0,
        "write-weekly-summaries": 3600.0,
        "delete-old-events": 3600.0,
        "delete-old-part-files": 3600.0,
        "purge-trash": 3600.0,
        "delete-old-calls": 3600.0,
        "delete-expired": 3600.0,
        "apply-retention": 3600.0,
        "delete-old-audit-entries": 3600.0,
        "fetch-languages": 24 * 3600.0,
    }.items()
}
