"""The settings for typical environments, and the sentences for invalid values."""

import importlib
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).parent.parent.parent
SETTINGS = "".join(path.read_text() for path in (ROOT / "dashboard" / "settings").glob("*.py"))
OF_COMPOSE = ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "DATABASE_MEMORY", "WORKER_MEMORY", "EXTRA_REQUIREMENTS")
NAMES = sorted(set(re.findall(r'\benv\.\w+\(\s*"([A-Z_]+)"', SETTINGS)))


@pytest.fixture
def read(monkeypatch, tmp_path):
    """Read the settings in an environment with these variables only."""
    for name in NAMES:
        monkeypatch.setenv(name, "")  # so that variables that the settings set are removed after the test
        monkeypatch.delenv(name)
    monkeypatch.setattr("environ.Env.read_env", lambda *_, **__: None)
    monkeypatch.setenv("DUBROOM_DATA_DIR", str(tmp_path / "data"))

    def settings(**env: str):
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        for module in [name for name in sys.modules if name.startswith("dashboard.settings")]:
            monkeypatch.delitem(sys.modules, module)
        return vars(importlib.import_module("dashboard.settings"))

    return settings


def test_without_configuration_everything_is_embedded_local_and_a_demo(read, tmp_path):
    settings = read()
    assert settings["DATABASES"]["default"]["NAME"] == str(tmp_path / "data" / "dubroom.sqlite3")
    assert settings["BROKER_URL"] == f"folder://{tmp_path}/data/broker"
    assert settings["CACHES"]["default"]["LOCATION"] == f"{tmp_path}/data/cache"
    assert (settings["DEBUG"], settings["HOST"], settings["PORT"]) == (False, "127.0.0.1", 8000)
    assert (settings["DEMO"], settings["DEMO_PORT"]) == (True, 8001)
    assert settings["CAMB_BASE_URL"] == "https://client.camb.ai/apis"


@pytest.mark.parametrize("configured", ["DATABASE_URL", "CAMB_BASE_URL"])
def test_the_demo_is_off_once_something_is_configured_unless_requested(read, configured, tmp_path):
    values = {"DATABASE_URL": f"sqlite:///{tmp_path}/db", "CAMB_BASE_URL": "http://127.0.0.1:9/apis"}
    assert read(**{configured: values[configured]})["DEMO"] is False
    assert read(DEMO="1")["DEMO"] is True


def test_two_variables_select_postgresql_and_redis(read):
    settings = read(
        DATABASE_URL="postgres://me:pw@db:5433/dub", BROKER_URL="redis://broker:6380/2", SECRET_KEY="s" * 50
    )
    database = settings["DATABASES"]["default"]
    assert (database["ENGINE"], database["HOST"], database["PORT"]) == ("django.db.backends.postgresql", "db", 5433)
    assert settings["CELERY_BROKER_URL"] == "redis://broker:6380/2"
    assert settings["CACHES"]["default"]["LOCATION"] == "redis://broker:6380/2"


def test_connections_to_either_database_persist_between_requests(read):
    assert read()["DATABASES"]["default"]["CONN_MAX_AGE"] > 0
    on_a_server = read(DATABASE_URL="postgres://me:pw@db/dub", SECRET_KEY="s" * 50)["DATABASES"]["default"]
    assert (on_a_server["CONN_MAX_AGE"] > 0, on_a_server["CONN_HEALTH_CHECKS"]) == (True, True)


@pytest.mark.parametrize(
    ("more", "options"),
    [
        ("", "-c jit=off -c statement_timeout=1500 -c idle_in_transaction_session_timeout=60000"),
        ("?options=-c%20work_mem=8MB", "-c work_mem=8MB"),
    ],
)
def test_postgresql_gets_its_options_unless_others_are_given(read, more, options):
    settings = read(
        DATABASE_URL=f"postgres://me:pw@db/dub{more}", SECRET_KEY="s" * 50, DATABASE_STATEMENT_SECONDS="1.5"
    )
    assert settings["DATABASES"]["default"]["OPTIONS"]["options"] == options


def test_a_redis_that_hangs_is_given_up_within_a_second(read):
    for env in ({"BROKER_URL": "redis://127.0.0.1/0"}, {"CACHE_URL": "redis://127.0.0.1/1"}):
        options = read(**env)["CACHES"]["default"]["OPTIONS"]
        assert options["socket_connect_timeout"] + options["socket_timeout"] <= 1


@pytest.mark.parametrize(("given", "seconds"), [({}, 5.0), ({"BROKER_SECONDS": "1"}, 1.0)])
def test_a_broker_that_hangs_is_given_up_and_one_that_is_away_is_tried_once(read, given, seconds):
    options = read(BROKER_URL="redis://127.0.0.1/0", **given)["CELERY_BROKER_TRANSPORT_OPTIONS"]
    assert options == {"max_retries": 0, "socket_connect_timeout": seconds, "socket_timeout": seconds}


def test_secrets_are_generated_once_and_readable_by_the_owner_only(read, tmp_path):
    first, second = read(), read()
    assert (first["SECRET_KEY"], first["FIELD_KEYS"]) == (second["SECRET_KEY"], second["FIELD_KEYS"])
    assert len(first["SECRET_KEY"]) >= 50
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data").iterdir()}
    assert modes == {"secret.key": 0o600, "field.key": 0o600}


@pytest.mark.parametrize("content", ["", "\0" * 44])
@pytest.mark.parametrize("name", ["secret.key", "field.key"])
def test_a_secret_that_a_power_cut_has_emptied_is_not_used(read, tmp_path, name, content):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / name).write_text(content)
    with pytest.raises(ImproperlyConfigured, match=f"{name} is empty. Put it back from a backup"):
        read()


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({"PORT": "eighty"}, "PORT is 'eighty', which is not a whole number."),
        ({"CAMB_READ_SECONDS": "soon"}, "CAMB_READ_SECONDS is 'soon', which is not a number."),
        ({"CAMB_BASE_URL": "client.camb.ai"}, "CAMB_BASE_URL is 'client.camb.ai'; it must begin with https:// or http://."),
        ({"SUBPATH": "dubroom"}, "SUBPATH is 'dubroom'; it must begin with a slash, such as /dubroom."),
        ({"UNIX_SOCKET": "/run/dubroom.sock"}, "UNIX_SOCKET is reached through a proxy only, so BEHIND_PROXY must"),
        ({"LOG_FORMAT": "xml"}, "LOG_FORMAT is 'xml'; it must be 'line' or 'json'."),
        ({"PUBLIC_URL": "dubs.invalid"}, "PUBLIC_URL is 'dubs.invalid'; it must begin with https:// or http://."),
        ({"OIDC_GROUPS": "leads=dub"}, "OIDC_GROUPS has 'leads=dub'; each of its parts must be group=team:role."),
        ({"SIGNUP": "closed"}, "SIGNUP is 'closed'; it must be 'open' or 'invite'."),
        ({"DATABASE_URL": "mysql://me@db/dub"}, "DATABASE_URL must begin with postgres:// or sqlite:///."),
        ({"DATABASE_URL": "postgres://me@db/dub"}, "DATABASE_URL names a database server, so SECRET_KEY must"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY is too short to be secret"),
        ({"MEDIA_STORAGE_URL": "ftp://bucket"}, "MEDIA_STORAGE_URL must begin with file:/// or s3://bucket;"),
        ({"MEDIA_STORAGE_URL": "file://srv/media"}, "MEDIA_STORAGE_URL must begin with file:/// or s3://bucket;"),
        ({"MEDIA_STORAGE_URL": "s3://key:secret@bucket"}, "MEDIA_STORAGE_URL must begin with file:/// or s3://"),
        ({"DUBROOM_DATA_DIR": "/dev/null/data"}, "the data folder /dev/null/data cannot be used (Not a"),
    ],
)  # fmt: skip
def test_an_invalid_value_raises_a_sentence(read, env, sentence):
    with pytest.raises(ImproperlyConfigured) as refusal:
        read(**env)
    assert str(refusal.value).startswith(sentence)


def test_media_copies_are_stored_in_the_data_folder_or_at_the_storage_url(read, tmp_path):
    def options(**env: str) -> tuple[str, dict[str, str]]:
        storage = read(**env)["STORAGES"]["default"]
        return storage["BACKEND"].rpartition(".")[2], storage["OPTIONS"]

    modes = {"file_permissions_mode": 0o600, "directory_permissions_mode": 0o700}
    assert options() == ("FileSystemStorage", {"location": f"{tmp_path}/data/media"} | modes)
    assert options(MEDIA_STORAGE_URL="file:///srv/my%20media") == (
        "FileSystemStorage",
        {"location": "/srv/my media"} | modes,
    )
    assert options(
        MEDIA_STORAGE_URL="s3://dubs/copies/?endpoint_url=https://minio.example:9000&region_name=eu"
    ) == (
        "S3Storage",
        {
            "bucket_name": "dubs",
            "location": "copies",
            "signature_version": "s3v4",
            "max_memory_size": 16 * 2**20,
            "endpoint_url": "https://minio.example:9000",
            "region_name": "eu",
        },
    )


@pytest.mark.parametrize(
    ("url", "host"),
    [("s3://dubs?endpoint_url=http://minio:9000", "http://minio:9000"), ("s3://dubs", "https://*.amazonaws.com")],
)
def test_the_security_policy_allows_media_and_stills_from_the_bucket(read, url, host):
    settings = read(MEDIA_STORAGE_URL=url, MEDIA_HOSTS="https://media.example", DEMO="0")
    directives = settings["CONTENT_SECURITY_POLICY"]["DIRECTIVES"]
    assert directives["media-src"] == ["'self'", "https://media.example", host]
    assert directives["img-src"] == ["'self'", "data:", host]


def test_over_https_cookies_belong_to_one_host(read):
    settings = read(HTTPS="1")
    names = [settings["SESSION_COOKIE_NAME"], settings["CSRF_COOKIE_NAME"]]
    # Browsers require of this prefix: Secure, no domain and the path `/`; the last two are Django's defaults.
    assert [name.startswith("__Host-") for name in names] == [True, True]
    assert (settings["SESSION_COOKIE_SECURE"], settings["CSRF_COOKIE_SECURE"]) == (True, True)
    assert not settings.keys() & {"SESSION_COOKIE_DOMAIN", "CSRF_COOKIE_DOMAIN", "SESSION_COOKIE_PATH"}


def test_a_renamed_setting_is_still_read_under_its_earlier_name(read):
    settings = read(KEEP_MOST_GB="7", HISTORY_DAYS="3")
    assert (settings["MEDIA_QUOTA_GB"], settings["CALL_LOG_DAYS"]) == (7, 3)
    assert read(KEEP_MOST_GB="7", MEDIA_QUOTA_GB="9")["MEDIA_QUOTA_GB"] == 9


def test_the_example_lists_every_setting():
    listed = re.findall(r"^# ([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted([*NAMES, *OF_COMPOSE])


def test_djangos_deployment_check_passes(tmp_path):
    env = {"DUBROOM_DATA_DIR": str(tmp_path), "HTTPS": "1", "SECRET_KEY": "ein-langer-Schlüssel-" * 4}
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level=WARNING"]
    check = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert (check.returncode, check.stderr) == (0, "")


def test_a_subpath_is_part_of_static_addresses_cookies_and_the_health_checks_exemption(read):
    settings = read(SUBPATH="/dub/", HTTPS="1")
    assert (settings["FORCE_SCRIPT_NAME"], settings["STATIC_URL"]) == ("/dub", "/dub/static/")
    assert (settings["SESSION_COOKIE_PATH"], settings["CSRF_COOKIE_PATH"]) == ("/dub/", "/dub/")
    # A browser refuses a cookie whose name begins with __Host- and whose path is not /.
    assert (settings["SESSION_COOKIE_NAME"], settings["CSRF_COOKIE_NAME"]) == (
        "__Secure-sessionid",
        "__Secure-csrftoken",
    )
    [exempt] = settings["SECURE_REDIRECT_EXEMPT"]
    assert re.search(exempt, "dub/health/alive/")
    assert not re.search(exempt, "dub/t/health/")


@pytest.mark.parametrize(
    ("query", "env", "has_options", "has_cursors"),
    [
        ("", {}, True, True),
        ("?pgbouncer=true", {}, False, False),
        ("", {"DATABASE_POOLED": "True"}, False, False),
        ("?pgbouncer=true", {"DATABASE_SERVER_SIDE_CURSORS": "True"}, False, True),
        ("", {"DATABASE_SERVER_SIDE_CURSORS": "False"}, True, False),
    ],
)
def test_a_pooled_connection_has_nothing_that_outlasts_a_transaction(read, query, env, has_options, has_cursors):
    settings = read(DATABASE_URL=f"postgres://me:pw@db/dub{query}", SECRET_KEY="s" * 50, **env)
    database = settings["DATABASES"]["default"]
    assert ("options" in database["OPTIONS"], database["DISABLE_SERVER_SIDE_CURSORS"]) == (
        has_options,
        not has_cursors,
    )
    assert "pgbouncer" not in database["OPTIONS"]


def test_sentry_gets_neither_variables_nor_bodies_and_its_absence_is_a_sentence(read, monkeypatch):
    monkeypatch.setitem(sys.modules, "sentry_sdk", None)
    with pytest.raises(ImproperlyConfigured, match="Run: pip install -r requirements-sentry"):
        read(SENTRY_DSN="https://key@sentry.invalid/1")
    started = []
    sentry = SimpleNamespace(init=lambda dsn, **options: started.append((dsn, options)))
    monkeypatch.setitem(sys.modules, "sentry_sdk", sentry)
    read(SENTRY_DSN="https://key@sentry.invalid/1")
    [(dsn, options)] = started
    assert (dsn, options["send_default_pii"], options["include_local_variables"]) == (
        "https://key@sentry.invalid/1",
        False,
        False,
    )
    assert options["max_request_body_size"] == "never"


def test_metrics_are_counted_in_the_data_folder_only_with_a_token(read, monkeypatch, tmp_path):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR")
    read()
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ
    read(METRICS_TOKEN="t")
    assert os.environ["PROMETHEUS_MULTIPROC_DIR"] == str(tmp_path / "data" / "metrics")


@pytest.mark.parametrize("url", ["memcache://127.0.0.1:11211", "dbcache://cache"])
def test_a_cache_that_holds_pickles_is_refused(read, url):
    with pytest.raises(ImproperlyConfigured, match="CACHE_URL must begin with redis://"):
        read(CACHE_URL=url)


def test_both_caches_hold_json(read):
    backends = [read(CACHE_URL=url)["CACHES"]["default"]["BACKEND"] for url in ("redis://b/0", "filecache:///c")]
    assert backends == [f"dashboard.embedded.json_cache.{name}" for name in ("JsonRedisCache", "JsonFileCache")]


def test_a_replica_has_our_options_and_its_own_and_none_exists_without_its_url(read):
    server = {"DATABASE_URL": "postgres://me:pw@db/dub", "SECRET_KEY": "s" * 50}
    assert list(read(**server)["DATABASES"]) == ["default"]
    databases = read(**server, DATABASE_REPLICA_URL="postgres://me:pw@copy:5433/dub")["DATABASES"]
    assert (databases["replica"]["HOST"], databases["replica"]["PORT"]) == ("copy", 5433)
    assert databases["replica"]["OPTIONS"] == databases["default"]["OPTIONS"]
    server["DATABASE_URL"] += "?sslmode=require&sslrootcert=/etc/db.pem"
    databases = read(**server, DATABASE_REPLICA_URL="postgres://me:pw@copy/dub?sslmode=disable")["DATABASES"]
    assert databases["default"]["OPTIONS"]["sslrootcert"] == "/etc/db.pem"
    options = databases["replica"]["OPTIONS"]
    assert (options["sslmode"], "sslrootcert" in options, "connect_timeout" in options) == ("disable", False, True)
