"""docker-compose.yml: commands of the Procfile, services and volumes that exist, no default for a secret."""

import http.client
import io
import json
import os
import re
import shutil
import subprocess
from contextlib import nullcontext
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from redis import AuthenticationError, Redis

from dashboard.embedded import supervisor
from tests.waiting import until

ROOT = Path(__file__).parent.parent
COMPOSE = (ROOT / "docker-compose.yml").read_text()
SERVICES = yaml.safe_load(COMPOSE)["services"]
APP = yaml.safe_load(COMPOSE)["x-app"]
EXAMPLE = (ROOT / ".env.example").read_text()
# Each setting of .env.example with its comment, which may go on in the lines below.
SETTINGS = dict(re.findall(r"(?m)^# ([A-Z_]+)=(.*(?:\n# {30,}# .*)*)", EXAMPLE))
SECRETS = {"POSTGRES_PASSWORD": "x", "REDIS_PASSWORD": "w", "SECRET_KEY": "y", "FIELD_KEYS": "z"}


@pytest.mark.parametrize("name", ["web", "worker", "beat"])
def test_compose_runs_the_commands_of_the_procfile(name):
    command = supervisor.commands(ROOT / "Procfile", [name])[name]
    assert SERVICES[name]["command"] == command.replace("$HOST", "0.0.0.0").replace("$PORT", "8000")


@pytest.mark.parametrize("name", ["worker", "beat"])
@pytest.mark.parametrize(
    "answer", [{"worker": "heard", "beat": "silent"}, {"worker": "silent", "beat": "heard"}, {}]
)
def test_worker_and_beat_are_healthy_while_the_web_server_hears_them(name, answer, monkeypatch):
    kind, _python, _c, script, *arguments = SERVICES[name]["healthcheck"]["test"]
    asked = []

    class Web(http.client.HTTPConnection):
        def request(self, *what, **how):
            asked.append((self.host, self.port, *what))

        def getresponse(self):
            return io.StringIO(json.dumps({"status": "unavailable"} | answer))

    monkeypatch.setattr(http.client, "HTTPConnection", Web)
    monkeypatch.setattr("sys.argv", ["-c", *arguments])
    is_heard = answer.get(name) == "heard"
    with nullcontext() if is_heard else pytest.raises((AssertionError, KeyError)):
        exec(script, {})
    assert (kind, asked) == ("CMD", [("web", 8000, "GET", "/health/")])


def test_a_worker_that_is_told_to_stop_has_time_for_the_longest_call():
    longest = settings.CAMB_CONNECT_SECONDS + settings.CAMB_TOTAL_SECONDS
    in_compose = float(SERVICES["worker"]["stop_grace_period"].removesuffix("s"))
    [of_systemd] = re.findall(r"(?m)^TimeoutStopSec=(\d+)$", (ROOT / "docs/systemd/dubroom@.service").read_text())
    assert longest < in_compose
    assert longest < supervisor.GRACE_S < int(of_systemd)


@pytest.mark.parametrize("secret", SECRETS)
def test_compose_has_no_default_for_a_secret(secret):
    uses = re.findall(r"\$\{?" + secret + r"\b[^}]*", COMPOSE)
    assert set(uses) == {f"${{{secret}:?Set {secret} in .env; .env.example says how"}


def test_a_container_gets_every_setting_of_the_env_file():
    assert APP["env_file"] == [{"path": ".env", "required": False}]
    assert len(SETTINGS) == len(re.findall(r"(?m)^# ?[A-Z_]+=", EXAMPLE))
    for service in ("web", "worker", "beat", "migrate"):
        assert [SERVICES[service][part] for part in ("env_file", "environment")] == [
            APP["env_file"],
            APP["environment"],
        ]
    # A value of its own in docker-compose.yml comes before that of the file.
    overruled = {name for name, value in APP["environment"].items() if f"${{{name}" not in str(value)}
    assert overruled == {name for name, comment in SETTINGS.items() if "[compose: fixed]" in comment}


@pytest.mark.parametrize("name", [name for name in SETTINGS if "docker-compose.yml only" in SETTINGS[name]])
def test_a_setting_of_compose_alone_is_read_there(name):
    assert f"${{{name}:" in COMPOSE


def test_the_image_can_be_built_with_every_extra_requirement():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert {f"!{path.name}" for path in ROOT.glob("requirements*.txt")} - set(ignored) == {"!requirements-dev.txt"}
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert APP["build"]["args"].keys() == set(re.findall(r"(?m)^ARG (\w+)=", dockerfile))
    [loop] = re.findall(r"\$\((for .*done)\)", dockerfile)
    options = subprocess.run(
        ["sh", "-c", loop], env={"EXTRA_REQUIREMENTS": "s3 sentry"}, capture_output=True, text=True, check=True
    )
    assert options.stdout.split() == ["-r", "requirements-s3.txt", "-r", "requirements-sentry.txt"]


def test_dependencies_and_volumes_of_compose_exist():
    volumes = {volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert volumes == set(yaml.safe_load(COMPOSE)["volumes"])
    awaited = {
        (name, how["condition"])
        for service in SERVICES.values()
        for name, how in service.get("depends_on", {}).items()
    }
    assert awaited == {
        ("database", "service_healthy"),
        ("redis", "service_healthy"),
        ("migrate", "service_completed_successfully"),
    }
    assert all(SERVICES[name]["healthcheck"]["test"] for name, how in awaited if how == "service_healthy")


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_has_limits_of_memory_processes_and_logs(name):
    service = SERVICES[name]
    assert re.fullmatch(r"(\$\{\w+_MEMORY:-)?\d+[mg]\}?", service["mem_limit"])
    assert service["pids_limit"] > 0
    assert service["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "5"}}


@pytest.mark.skipif(not shutil.which("redis-server"), reason="Redis is not installed")
def test_the_redis_of_compose_asks_for_its_password_and_limits_its_memory(tmp_path):
    socket = tmp_path / "redis.sock"
    shell, option, script = SERVICES["redis"]["command"]
    script = script.replace("$$", "$").replace("/data", str(tmp_path))
    script = script.replace("<<END\n", f"<<END\nport 0\nunixsocket {socket}\n")
    redis = subprocess.Popen(
        [shell, option, script],
        env={"PATH": os.environ["PATH"], "REDISCLI_AUTH": "hush"},
        stdout=subprocess.DEVNULL,
    )
    try:
        until(socket.exists)
        with Redis(unix_socket_path=str(socket)) as stranger, pytest.raises(AuthenticationError):
            stranger.ping()
        with Redis(unix_socket_path=str(socket), password="hush") as ours:
            until(lambda: ours.ping())
            limits = {**ours.config_get("maxmemory"), **ours.config_get("maxmemory-policy")}
        assert limits == {"maxmemory": str(256 * 2**20), "maxmemory-policy": "volatile-ttl"}
        command = Path(f"/proc/{redis.pid}/cmdline").read_bytes()
        # Redis itself gets the signal to stop, and saves what it holds.
        assert (command.startswith(b"redis-server"), b"hush" in command) == (True, False)
    finally:
        redis.terminate()
        redis.wait()
    assert not socket.exists()


@pytest.mark.skipif(not shutil.which("docker-compose"), reason="docker-compose is not installed")
def test_docker_compose_accepts_the_file():
    env = {"PATH": str(Path(shutil.which("docker-compose") or "").parent)} | SECRETS
    check = subprocess.run(
        ["docker-compose", "config", "--quiet"], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert (check.returncode, check.stderr) == (0, "")


def test_only_the_web_server_has_a_port_and_only_on_this_machine():
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert ports == {"web": ["127.0.0.1:${PORT:-8000}:8000"]}
    assert not any("network_mode" in service or "privileged" in service for service in (*SERVICES.values(), APP))


def test_the_image_runs_as_no_administrator():
    steps = re.findall(r"(?m)^(USER|CMD|ENTRYPOINT)\b *(.*)", (ROOT / "Dockerfile").read_text())
    users = [name for step, name in steps if step == "USER"]
    assert users
    assert users[-1] not in ("root", "0")


def test_every_requirement_is_pinned_to_one_version():
    for path in ROOT.glob("requirements*.txt"):
        lines = [line.partition("#")[0].strip() for line in path.read_text().splitlines()]
        pinned = r"[\w.-]+(\[[\w,-]+\])?==[\w.]+( ?;.*)?|(-r|--requirement) [\w-]+\.txt"
        assert [line for line in lines if line and not re.fullmatch(pinned, line)] == [], path.name
