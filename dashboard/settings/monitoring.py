"""What the operator sees of a running Dubroom: logs, metrics, limits of the health check, errors sent to Sentry."""

import os

from django.core.exceptions import ImproperlyConfigured

from dashboard import __version__
from dashboard.http.secret_paths import mask_event
from dashboard.settings.environment import DATA_DIR, env

LOG_FORMAT = env.str("LOG_FORMAT", default="line")
if LOG_FORMAT not in ("line", "json"):
    raise ImproperlyConfigured(f"LOG_FORMAT is {LOG_FORMAT!r}; it must be 'line' or 'json'.")
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "class": "dashboard.http.secret_paths.MaskedFormatter",
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        },
        "json": {"()": "dashboard.http.json_log.JsonFormatter"},
    },
    "filters": {"without_traceback": {"()": "dashboard.views.errors.WithoutTraceback"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "results": {"level": LOG_LEVEL},
        "dashboard": {"level": LOG_LEVEL},
        "celery": {"level": "WARNING"},
        "django.request": {"filters": ["without_traceback"]},
    },
}

# /health/ answers 503 after so many seconds without a worker, or with a run that is due for so long; 0: never.
HEALTH_WORKER_SECONDS = env.float("HEALTH_WORKER_SECONDS", default=300.0)
HEALTH_OLDEST_DUE_SECONDS = env.float("HEALTH_OLDEST_DUE_SECONDS", default=1800.0)

# With a token, /metrics/ answers Prometheus. The processes of a web server count into files of this folder.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
if METRICS_TOKEN:
    os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(DATA_DIR / "metrics"))

SENTRY_DSN = env.str("SENTRY_DSN", default="")
if SENTRY_DSN:
    try:
        import sentry_sdk
    except ImportError as error:
        raise ImproperlyConfigured(
            "SENTRY_DSN is set, but Sentry's package is missing. Run: pip install -r requirements-sentry.txt"
        ) from error
    # Local variables and request bodies may hold keys, tokens and transcripts: none is sent.
    sentry_sdk.init(
        SENTRY_DSN,
        release=f"dubroom@{__version__}",
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        before_send=mask_event,
        before_send_transaction=mask_event,
    )
