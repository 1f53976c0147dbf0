"""A message that kills its worker is not delivered again for ever."""

import subprocess
import sys
from functools import partial

import pytest
from django.conf import settings

from dashboard.embedded import supervisor
from tests.waiting import until
from tests.worker.installation import ROOT

pytestmark = [
    pytest.mark.worker,
    pytest.mark.thorough,
    pytest.mark.skipif(not settings.IS_EMBEDDED, reason="Redis gives a dead worker's message back after minutes"),
]

# A worker that is killed by CAMB.AI's answer to the test of a key.
VICTIM = """
import os, runpy, signal, sys
import django
django.setup()
from results.refresh import keys
keys._ask_for_proof = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
sys.argv = sys.argv[1:]
runpy.run_module("celery", run_name="__main__")
"""


def test_a_key_test_that_kills_its_worker_ends_a_few_workers_and_then_says_so(installation, tmp_path):
    [team] = installation.column("SELECT id FROM teams_team WHERE slug = 'team'")
    installation.enqueue("test_key", team, queue="interactive")
    worker = supervisor.commands(ROOT / "Procfile", ["worker"])["worker"].split()
    command = [sys.executable, "-c", VICTIM, *worker[worker.index("celery") :]]
    env = installation.env | {"DJANGO_SETTINGS_MODULE": "dashboard.settings"}

    def is_noted() -> bool:
        [message] = installation.column(f"SELECT message FROM results_apikey WHERE team_id = {team}")
        return "its worker ended" in message

    def is_over(victim: "subprocess.Popen[bytes]") -> bool:
        return victim.poll() is not None or is_noted()

    deaths = 0
    with (tmp_path / "log").open("w+") as log:
        while not is_noted():
            with subprocess.Popen(command, cwd=ROOT, env=env, stderr=log) as victim:
                try:
                    until(partial(is_over, victim))
                finally:
                    victim.kill()
            deaths += not is_noted()
            assert deaths < 10
        log.seek(0)
        assert f"The task test_key of team {team} is left alone" in log.read()
    assert deaths >= 3  # and more where workers start sooner than one that died counts as dead
