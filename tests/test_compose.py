"""docker-compose.yml: commands of the Procfile, services and volumes that exist, no default for a secret."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from dashboard.embedded import supervisor

ROOT = Path(__file__).parent.parent
COMPOSE = (ROOT / "docker-compose.yml").read_text()
SERVICES = yaml.safe_load(COMPOSE)["services"]
SECRETS = {"POSTGRES_PASSWORD": "x", "SECRET_KEY": "y", "FIELD_KEYS": "z"}


@pytest.mark.parametrize("name", ["web", "worker", "beat"])
def test_compose_runs_the_commands_of_the_procfile(name):
    command = supervisor.commands(ROOT / "Procfile", [name])[name]
    assert SERVICES[name]["command"] == command.replace("$HOST", "0.0.0.0").replace("$PORT", "8000")


@pytest.mark.parametrize("secret", SECRETS)
def test_compose_has_no_default_for_a_secret(secret):
    uses = re.findall(r"\$\{?" + secret + r"\b[^}]*", COMPOSE)
    assert set(uses) == {f"${{{secret}:?Set {secret} in .env; .env.example says how"}


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


@pytest.mark.skipif(not shutil.which("docker-compose"), reason="docker-compose is not installed")
def test_docker_compose_accepts_the_file():
    env = {"PATH": str(Path(shutil.which("docker-compose") or "").parent)} | SECRETS
    check = subprocess.run(
        ["docker-compose", "config", "--quiet"], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert (check.returncode, check.stderr) == (0, "")
