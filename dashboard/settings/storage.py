"""Database, broker, cache, copies of media, and secrets."""

import secrets
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from dashboard.settings.environment import DATA_DIR, DEBUG, env, load_or_create_secret


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
        options["max_memory_size"] = 16 * 2**20  # a larger file that is read goes through the disk
        options |= dict(parse_qsl(parts.query))
        return {"BACKEND": "results.media.s3_storage.S3Storage", "OPTIONS": options}
    raise ImproperlyConfigured(
        "MEDIA_STORAGE_URL must begin with file:/// or s3://bucket; the keys to a bucket are AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY."
    )


DATABASES: dict[str, dict[str, Any]] = {
    "default": env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'dubroom.sqlite3'}")
}
if DATABASES["default"]["ENGINE"] not in ("django.db.backends.sqlite3", "django.db.backends.postgresql"):
    raise ImproperlyConfigured("DATABASE_URL must begin with postgres:// or sqlite:///.")
IS_EMBEDDED = DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3"
IS_DATABASE_POOLED = False
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
    # Every wait has an end: a statement of the web server or a worker has 30 s (asgi.py and celery.py say so, as a
    # migration may take longer), and a connection whose other end is gone is noticed within half a minute.
    statement_ms = round(1000 * env.float("DATABASE_STATEMENT_SECONDS", default=0.0))
    defaults: dict[str, Any] = {
        "connect_timeout": 5,
        "options": f"-c jit=off -c statement_timeout={statement_ms} -c idle_in_transaction_session_timeout=60000",
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 25000,
    }
    options = DATABASES["default"].get("OPTIONS", {})
    # A pool such as PgBouncer in transaction mode gives each transaction another session. So nothing may outlast a
    # transaction: no prepared statement (Django prepares none), no cursor of the server, no option of the session.
    pooled_by_url = str(options.pop("pgbouncer", "")).lower() in ("1", "true", "yes")
    IS_DATABASE_POOLED = env.bool("DATABASE_POOLED", default=pooled_by_url)
    if IS_DATABASE_POOLED:
        del defaults["options"]
    has_cursors = env.bool("DATABASE_SERVER_SIDE_CURSORS", default=not IS_DATABASE_POOLED)
    DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = not has_cursors
    DATABASES["default"]["OPTIONS"] = defaults | options
# A replica of PostgreSQL that searches by people, and exports of their hits, may read.
DATABASE_REPLICA_URL = env.str("DATABASE_REPLICA_URL", default="")
HAS_REPLICA = bool(DATABASE_REPLICA_URL) and not IS_EMBEDDED
if HAS_REPLICA:
    replica = env.db_url_config(DATABASE_REPLICA_URL)
    replica.get("OPTIONS", {}).pop("pgbouncer", None)
    names = ("CONN_HEALTH_CHECKS", "DISABLE_SERVER_SIDE_CURSORS")
    shared = {name: DATABASES["default"][name] for name in names}
    options = defaults | replica.get("OPTIONS", {})  # what the URL of the database says is about that server
    DATABASES["replica"] = (
        replica | shared | {"OPTIONS": options, "CONN_MAX_AGE": 60, "TEST": {"MIRROR": "default"}}
    )
# Opening a connection, to SQLite too, takes longer than the queries of most pages. Each thread keeps its own
# connection, so SQLite's page cache is small; the memory map of the database file is shared.
DATABASES["default"]["CONN_MAX_AGE"] = 60
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

BROKER_URL = env.str("BROKER_URL", default=f"folder://{quote(str(DATA_DIR / 'broker'))}")
IS_REDIS = BROKER_URL.startswith(("redis://", "rediss://"))
CACHES = {
    # Shared by every process: the log-in rate limits are counted in it.
    "default": env.cache_url("CACHE_URL", default=BROKER_URL if IS_REDIS else f"filecache://{DATA_DIR / 'cache'}")
}
# No cache holds pickles: who could write to one would run code in the web server.
if CACHES["default"]["BACKEND"].endswith("FileBasedCache"):
    CACHES["default"]["BACKEND"] = "dashboard.embedded.json_cache.JsonFileCache"
    # By default, 300 entries evict one another: a password guesser would evict the count of those guesses.
    CACHES["default"]["OPTIONS"] = {"MAX_ENTRIES": 20_000}
elif CACHES["default"]["BACKEND"].endswith("RedisCache"):
    CACHES["default"]["BACKEND"] = "dashboard.embedded.json_cache.JsonRedisCache"
    # Entries of earlier releases, which are pickles, are under the keys of version 1.
    CACHES["default"]["VERSION"] = 2
    # Pages and the health check stay quick while Redis hangs.
    CACHES["default"]["OPTIONS"] = {"socket_connect_timeout": 0.5, "socket_timeout": 0.5}
elif not CACHES["default"]["BACKEND"].endswith(("LocMemCache", "DummyCache")):
    raise ImproperlyConfigured("CACHE_URL must begin with redis://, rediss:// or filecache:///.")

# Copies of media, for the teams that switch them on, are stored in a folder or in an S3 bucket of their own.
MEDIA_STORAGE = media_storage(
    env.str("MEDIA_STORAGE_URL", default="") or f"file://{quote(str(DATA_DIR / 'media'))}"
)
# Whether the folder of MEDIA_STORAGE_URL is the same one on every machine. Without a database server there is one.
MEDIA_STORAGE_SHARED = env.bool("MEDIA_STORAGE_SHARED", default=False)
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
