import shutil
import subprocess
from pathlib import Path

import pytest

from dashboard import processes

ROOT = Path(__file__).parent.parent
SECRETS = {"POSTGRES_PASSWORD": "x", "SECRET_KEY": "y", "FIELD_KEYS": "z"}


@pytest.mark.parametrize("name", ["web", "worker", "beat"])
def test_compose_runs_what_the_procfile_runs(name):
    command = processes.commands(ROOT / "Procfile", [name])[name]
    command = command.replace("$HOST", "0.0.0.0").replace("$PORT", "8000")
    compose = " ".join((ROOT / "docker-compose.yml").read_text().split())
    assert f"command: {command} " in compose.replace("command: >- ", "command: ")


@pytest.mark.skipif(not shutil.which("docker-compose"), reason="docker-compose is not installed")
@pytest.mark.parametrize("missing", [None, *SECRETS])
def test_compose_is_valid_and_has_no_default_for_a_secret(missing):
    path = str(Path(shutil.which("docker-compose") or "").parent)
    env = {"PATH": path} | {name: value for name, value in SECRETS.items() if name != missing}
    check = subprocess.run(
        ["docker-compose", "config", "--quiet"], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert (check.returncode == 0, f"Set {missing} in .env" in check.stderr) == (
        missing is None,
        missing is not None,
    )
