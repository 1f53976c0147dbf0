"""The settings for typical environments, and the sentences for invalid values."""

import re
import runpy
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).parent.parent.parent
SETTINGS = ROOT / "dashboard" / "settings.py"
NAMES = sorted(set(re.findall(r'\benv\.\w+\(\s*"([A-Z_]+)"', SETTINGS.read_text())))


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
        return runpy.run_path(str(SETTINGS))

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


def test_secrets_are_generated_once_and_readable_by_the_owner_only(read, tmp_path):
    first, second = read(), read()
    assert (first["SECRET_KEY"], first["FIELD_KEYS"]) == (second["SECRET_KEY"], second["FIELD_KEYS"])
    assert len(first["SECRET_KEY"]) >= 50
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data").iterdir()}
    assert modes == {"secret.key": 0o600, "field.key": 0o600}


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({"PORT": "eighty"}, "PORT is 'eighty', which is not a whole number."),
        ({"CAMB_READ_SECONDS": "soon"}, "CAMB_READ_SECONDS is 'soon', which is not a number."),
        ({"CAMB_BASE_URL": "client.camb.ai"}, "CAMB_BASE_URL is 'client.camb.ai'; it must begin with https:// or http://."),
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
            "endpoint_url": "https://minio.example:9000",
            "region_name": "eu",
        },
    )


@pytest.mark.parametrize(
    ("url", "host"),
    [("s3://dubs?endpoint_url=http://minio:9000", "http://minio:9000"), ("s3://dubs", "https://*.amazonaws.com")],
)
def test_the_security_policy_allows_media_from_the_bucket(read, url, host):
    settings = read(MEDIA_STORAGE_URL=url, MEDIA_HOSTS="https://media.example", DEMO="0")
    directives = settings["CONTENT_SECURITY_POLICY"]["DIRECTIVES"]
    assert directives["media-src"] == ["'self'", "https://media.example", host]


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
    assert sorted(listed) == sorted([*NAMES, "POSTGRES_PASSWORD"])


def test_djangos_deployment_check_passes(tmp_path):
    env = {"DUBROOM_DATA_DIR": str(tmp_path), "HTTPS": "1", "SECRET_KEY": "ein-langer-Schlüssel-" * 4}
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level=WARNING"]
    check = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert (check.returncode, check.stderr) == (0, "")
