"""Django's settings, read from the environment or from a `.env` file beside `manage.py`.

Every default is safe for one person on one laptop. The table in README.md lists the same names.
"""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from kombu import Queue

BASE_DIR = Path(__file__).resolve().parent.parent


class Env(environ.Env):  # type: ignore[misc]
    """An environment whose invalid values raise ImproperlyConfigured with a sentence for the operator."""

    def get_value(self, var: str, cast: Any = None, **kwargs: Any) -> Any:
        try:
            return super().get_value(var, cast=cast, **kwargs)
        except ValueError as error:
            kind = {int: "a whole number", float: "a number"}.get(cast, "understood")
            raise ImproperlyConfigured(f"{var} is {os.environ.get(var)!r}, which is not {kind}.") from error


env = Env()
env.read_env(BASE_DIR / ".env")
# Renamed settings are still read under their earlier names.
for name, earlier_name in {"MEDIA_QUOTA_GB": "KEEP_MOST_GB", "CALL_LOG_DAYS": "HISTORY_DAYS"}.items():
    if earlier_name in os.environ:
        os.environ.setdefault(name, os.environ[earlier_name])

DATA_DIR = Path(env.str("DUBROOM_DATA_DIR", default=str(BASE_DIR / "data"))).expanduser().resolve()


def load_or_create_secret(name: str, value: str) -> str:
    """Return the secret stored in the data folder under this name. Only the first caller's value is stored."""
    path = DATA_DIR / name
    try:
        if not path.exists():
            DATA_DIR.mkdir(parents=True, exist_ok=True)
            # Written to a temporary file, then linked: of two processes that start at once, one wins, and neither
            # reads half a key.
            with tempfile.NamedTemporaryFile("w", dir=DATA_DIR) as aside:
                aside.write(value)
                aside.flush()
                with contextlib.suppress(FileExistsError):
                    os.link(aside.name, path)
        return path.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"the data folder {DATA_DIR} cannot be used ({error.strerror}). "
            "Make it writable, or set DUBROOM_DATA_DIR to another folder."
        ) from error


def media_storage(url: str) -> dict[str, Any]:
    """Return the `STORAGES` entry for `file:///folder` or `s3://bucket/folder?endpoint_url=…`.

    Raises ImproperlyConfigured for any other address.
    """
    parts = urlsplit(url)
    path = unquote(parts.path)
    if parts.scheme == "file" and path.startswith("/") and not parts.netloc:
        modes = {"file_permissions_mode": 0o600, "directory_permissions_mode": 0o700}
        options: dict[str, Any] = {"location": path, **modes}
        return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}
    if parts.scheme == "s3" and parts.netloc and "@" not in parts.netloc:
        options = {"bucket_name": parts.netloc, "location": path.strip("/"), "signature_version": "s3v4"}
        options |= dict(parse_qsl(parts.query))
        return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
    raise ImproperlyConfigured(
        "MEDIA_STORAGE_URL must begin with file:/// or s3://bucket; the keys to a bucket are AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY."
    )


# --- Address and users -------------------------------------------------------------------------------

DEBUG = env.bool("DEBUG", default=False)
HOST = env.str("HOST", default="127.0.0.1")
PORT = env.int("PORT", default=8000)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
SIGNUP = env.str("SIGNUP", default="open")
if SIGNUP not in ("open", "invite"):
    raise ImproperlyConfigured(f"SIGNUP is {SIGNUP!r}; it must be 'open' or 'invite'.")

# --- Database, broker, cache and media ---------------------------------------------------------------

DATABASES: dict[str, dict[str, Any]] = {
    "default": env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'dubroom.sqlite3'}")
}
if DATABASES["default"]["ENGINE"] not in ("django.db.backends.sqlite3", "django.db.backends.postgresql"):
    raise ImproperlyConfigured("DATABASE_URL must begin with postgres:// or sqlite:///.")
IS_EMBEDDED = DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3"
if IS_EMBEDDED:
    # With Django's defaults, transactions fail as soon as two processes write; with these, writers queue.
    DATABASES["default"]["ENGINE"] = "dashboard.embedded.sqlite"
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-16384;"
            "PRAGMA mmap_size=268435456; PRAGMA temp_store=MEMORY"
        ),
    }
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    # JIT off: the planner overestimates a search of a big team and compiles it, which takes longer than the query.
    # Every wait has an end: a statement of the web server or a worker has 30 s (wsgi.py and celery.py say so, as a
    # migration may take longer), and a connection whose other end is gone is noticed within half a minute.
    statement_ms = round(1000 * env.float("DATABASE_STATEMENT_SECONDS", default=0.0))
    defaults = {
        "connect_timeout": 5,
        "options": f"-c jit=off -c statement_timeout={statement_ms} -c idle_in_transaction_session_timeout=60000",
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 25000,
    }
    DATABASES["default"]["OPTIONS"] = defaults | DATABASES["default"].get("OPTIONS", {})
# Opening a connection, to SQLite too, takes longer than the queries of most pages. Each thread keeps its own
# connection, so SQLite's page cache is small; the memory map of the database file is shared.
DATABASES["default"]["CONN_MAX_AGE"] = 60
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

BROKER_URL = env.str("BROKER_URL", default=f"folder://{quote(str(DATA_DIR / 'broker'))}")
_shared_cache = BROKER_URL if BROKER_URL.startswith(("redis://", "rediss://")) else ""
CACHES = {
    # Shared by every process: the log-in rate limits are counted in it.
    "default": env.cache_url("CACHE_URL", default=_shared_cache or f"filecache://{DATA_DIR / 'cache'}")
}
if CACHES["default"]["BACKEND"].endswith("FileBasedCache"):
    # By default, 300 entries evict one another: a password guesser would evict the count of those guesses.
    CACHES["default"]["OPTIONS"] = {"MAX_ENTRIES": 20_000}
elif CACHES["default"]["BACKEND"].endswith("RedisCache"):
    # Pages and the health check stay quick while Redis hangs.
    CACHES["default"]["OPTIONS"] = {"socket_connect_timeout": 0.5, "socket_timeout": 0.5}

# Copies of media, for the teams that switch them on, are stored in a folder or in an S3 bucket of their own.
MEDIA_STORAGE = media_storage(
    env.str("MEDIA_STORAGE_URL", default="") or f"file://{quote(str(DATA_DIR / 'media'))}"
)
MEDIA_QUOTA_GB = env.int("MEDIA_QUOTA_GB", default=100)

# --- Secrets -----------------------------------------------------------------------------------------

MIN_SECRET_KEY_LENGTH = 12
SECRET_KEY = env.str("SECRET_KEY", default="")
if not SECRET_KEY:
    if not IS_EMBEDDED:
        raise ImproperlyConfigured(
            "DATABASE_URL names a database server, so SECRET_KEY must be set too: every process and machine needs "
            "the same one. Make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(50))'"
        )
    SECRET_KEY = load_or_create_secret("secret.key", secrets.token_urlsafe(50))
elif len(SECRET_KEY) < MIN_SECRET_KEY_LENGTH and not DEBUG:
    raise ImproperlyConfigured(
        f"SECRET_KEY is too short to be secret; give {MIN_SECRET_KEY_LENGTH} random characters or more, better 50."
    )

# Encrypt the teams' CAMB.AI keys, and are stored outside the database. The first one encrypts; older ones still
# decrypt.
FIELD_KEYS = env.list("FIELD_KEYS", default=[])
if not FIELD_KEYS:
    from cryptography.fernet import Fernet

    FIELD_KEYS = [load_or_create_secret("field.key", Fernet.generate_key().decode())]

# --- Calls to CAMB.AI (durations in seconds unless named otherwise) ----------------------------------

CAMB_BASE_URL = env.str("CAMB_BASE_URL", default="https://client.camb.ai/apis").rstrip("/")
if not CAMB_BASE_URL.startswith(("https://", "http://")):
    raise ImproperlyConfigured(f"CAMB_BASE_URL is {CAMB_BASE_URL!r}; it must begin with https:// or http://.")
CAMB_CONNECT_SECONDS = env.float("CAMB_CONNECT_SECONDS", default=5.0)
CAMB_READ_SECONDS = env.float("CAMB_READ_SECONDS", default=20.0)
CAMB_TOTAL_SECONDS = env.float("CAMB_TOTAL_SECONDS", default=60.0)

REFRESH_CALLS_PER_KEY = env.int("REFRESH_CALLS_PER_KEY", default=8)
REFRESH_CALLS_PER_SECOND = env.float("REFRESH_CALLS_PER_SECOND", default=20.0)
REFRESH_TICK_SECONDS = env.float("REFRESH_TICK_SECONDS", default=2.0)
REFRESH_FIRST_SECONDS = env.float("REFRESH_FIRST_SECONDS", default=5.0)
REFRESH_WATCHED_SECONDS = env.float("REFRESH_WATCHED_SECONDS", default=15.0)
REFRESH_SLOWEST_SECONDS = env.float("REFRESH_SLOWEST_SECONDS", default=30 * 60.0)
REFRESH_DAILY_AFTER_DAYS = env.float("REFRESH_DAILY_AFTER_DAYS", default=7.0)
CALL_LOG_DAYS = env.float("CALL_LOG_DAYS", default=30.0)

# The stand-in CAMB.AI with sample dubs is on by default only when neither a database nor CAMB.AI is configured.
DEMO = env.bool("DEMO", default="DATABASE_URL" not in os.environ and "CAMB_BASE_URL" not in os.environ)
DEMO_PORT = env.int("DEMO_PORT", default=PORT + 1)
DEMO_BASE_URL = f"http://127.0.0.1:{DEMO_PORT}/apis"

# --- Workers -----------------------------------------------------------------------------------------

CELERY_BROKER_URL = BROKER_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # reconnect however long the broker is down
CELERY_BROKER_CHANNEL_ERROR_RETRY = True  # also when the broker refuses messages, as Redis does without memory
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = (
    {"socket_connect_timeout": 5, "socket_timeout": 5} if _shared_cache else {}
)
CELERY_TASK_IGNORE_RESULT = True
# Tasks are enqueued after the commit, and the database holds the work: a web request does not wait for a broker
# that is down.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_POOL = "dashboard.worker:WorkerPool"
CELERY_WORKER_CONSUMER = "dashboard.worker:BrokerConsumer"
# Threads that sweep. The worker has eight more, so that no person waits for a sweep or a copy: four at most fetch
# copies of media, and the others do what takes a moment.
WORKER_THREADS = env.int("WORKER_THREADS", default=16)
CELERY_WORKER_CONCURRENCY = WORKER_THREADS + 8
# What a person waits for has a queue of its own: it is not behind what was sent while there was no worker.
CELERY_TASK_QUEUES = [Queue("celery"), Queue("interactive")]
CELERY_TASK_ROUTES = {f"results.tasks.{task}": {"queue": "interactive"} for task in ("refresh_now", "test_key")}
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
# The interval at which a worker checks its timers, and so the longest delay before it notices a stop signal.
CELERY_WORKER_TIMER_PRECISION = 0.1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# The schedule is in the database, by its clock: a time once planned survives restarts, and no message expires.
CELERY_BEAT_SCHEDULER = "results.beat:BeatScheduler"
CELERY_BEAT_SCHEDULE = {
    name: {"task": f"results.tasks.{name.replace('-', '_')}", "schedule": seconds}
    for name, seconds in {
        "refresh-due": REFRESH_TICK_SECONDS,
        "send-search-alerts": 5.0,
        "check-languages": 5.0,
        "sync-copies": 10.0,
        "apply-speaker-names": 60.0,
        "sync-archived": 60.0,
        "suggest-sources": 10.0,
        "fold-titles": 60.0,
        "delete-old-part-files": 3600.0,
        "finish-removals": 3600.0,
        "delete-old-calls": 3600.0,
        "fetch-languages": 24 * 3600.0,
    }.items()
}

# --- Django ------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "django_htmx",
    "csp",
    "teams",
    "results",
    "dashboard",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "dashboard.api.problems.json_errors",
    "dashboard.middleware.CompressedPages",
    "dashboard.middleware.known_methods",
    "dashboard.middleware.private_pages",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "dashboard.middleware.user_time_zone",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "dashboard.http.stream_limit.limit_streams",
    "dashboard.middleware.remember_team",
    "django_htmx.middleware.HtmxMiddleware",
    "dashboard.htmx.login_redirects",
    "dashboard.middleware.InvalidForms",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "dashboard.urls"
WSGI_APPLICATION = "dashboard.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dashboard.context_processors.frame",
            ],
        },
    },
]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
TIME_ZONE = "UTC"  # of the API, the workers, and users whose own is unknown
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = env.str("STATIC_ROOT", default=str(DATA_DIR / "static"))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": MEDIA_STORAGE,
    "staticfiles": {"BACKEND": "dashboard.http.static_storage.HashedStaticStorage"},
}
WHITENOISE_USE_FINDERS = DEBUG

# --- Accounts ----------------------------------------------------------------------------------------

AUTH_USER_MODEL = "teams.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
MIN_PASSWORD_LENGTH = 10
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": MIN_PASSWORD_LENGTH},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "teams-home"
ACCOUNT_ADAPTER = "dashboard.accounts.Adapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_FORMS = {
    "login": "dashboard.account_forms.LoginForm",
    "signup": "dashboard.account_forms.SignupForm",
    "add_email": "dashboard.account_forms.ChangeEmailForm",
    "change_password": "dashboard.account_forms.ChangePasswordForm",
    "reset_password": "dashboard.account_forms.ResetPasswordForm",
    "reset_password_from_key": "dashboard.account_forms.NewPasswordForm",
    "reauthenticate": "dashboard.account_forms.ReauthenticateForm",
}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
# A link from an email proves the identity, also of a user whose account is locked by the guesses of others.
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True
ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS = 3
PASSWORD_RESET_TIMEOUT = 24 * 3600
# In addition to allauth's own rate limits on log-in, sign-up and emails.
ACCOUNT_RATE_LIMITS = {"invite": "30/h/user", "key_test": "10/m/user"}
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""

EMAIL_URL = env.str("EMAIL_URL", default="")
if EMAIL_URL:
    vars().update(env.email_url("EMAIL_URL"))
    ACCOUNT_EMAIL_VERIFICATION = env.str("EMAIL_VERIFICATION", default="mandatory")
else:
    # Without a mail server, emails are written to files, which the operator can open and pass on.
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = DATA_DIR / "mail"
    ACCOUNT_EMAIL_VERIFICATION = "none"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="dubroom@localhost")

# --- HTTPS, cookies and content security policy ------------------------------------------------------

IS_HTTPS = env.bool("HTTPS", default=False)
IS_BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
# The proxy writes the last address in X-Forwarded-For. Without a proxy, any client can forge the header, so it is
# not read.
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if IS_BEHIND_PROXY else 0
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_AGE = 14 * 24 * 3600
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "dashboard.views.errors.csrf_failure"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# HSTS for subdomains and the browsers' preload list are decisions of the domain's owner.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
if IS_HTTPS:
    # With this prefix, a browser accepts the cookies from this host only, and from no other host of its domain.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_SSL_REDIRECT = env.bool("HTTPS_REDIRECT", default=True)
    SECURE_REDIRECT_EXEMPT = [r"^health/"]  # requested from inside the machine, not through the TLS proxy
    if IS_BEHIND_PROXY:
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# CAMB.AI does not publish its media hosts, so media may play from any https host; MEDIA_HOSTS narrows this.
MEDIA_HOSTS = env.list("MEDIA_HOSTS", default=["https:"])
if DEMO:
    MEDIA_HOSTS = [*MEDIA_HOSTS, f"http://127.0.0.1:{DEMO_PORT}"]
if "bucket_name" in MEDIA_STORAGE["OPTIONS"]:
    MEDIA_HOSTS = [*MEDIA_HOSTS, MEDIA_STORAGE["OPTIONS"].get("endpoint_url", "https://*.amazonaws.com")]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "media-src": [SELF, *MEDIA_HOSTS],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}

# --- Limits and logs ---------------------------------------------------------------------------------

API_CALLS_PER_MINUTE = env.int("API_CALLS_PER_MINUTE", default=300)
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 2**20
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "filters": {"without_traceback": {"()": "dashboard.views.errors.WithoutTraceback"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "results": {"level": env.str("LOG_LEVEL", default="INFO")},
        "dashboard": {"level": env.str("LOG_LEVEL", default="INFO")},
        "celery": {"level": "WARNING"},
        "django.request": {"filters": ["without_traceback"]},
    },
}
