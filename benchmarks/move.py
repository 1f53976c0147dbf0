"""Measures `manage.py move_to`: how long a database of SQLite takes to PostgreSQL, and how much memory.

python -m benchmarks.move --lines 1000000
"""

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time

from benchmarks.company_data import TEXTS, add_lines
from benchmarks.company_servers import ROOT, Postgres
from benchmarks.lines import ENGLISH, Lines

TEAMS = 20
LINES_PER_RUN = 50


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.move", description=__doc__.partition("\n")[0])
    parser.add_argument("--lines", type=int, default=1_000_000)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that nothing is left running
    with tempfile.TemporaryDirectory(prefix="dubroom-bench-") as folder, Postgres() as target:
        os.environ |= {
            "DUBROOM_DATA_DIR": folder,
            "DATABASE_URL": f"sqlite:///{folder}/dubroom.sqlite3",
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",
            "DEMO": "0",
        }
        import django

        django.setup()
        _fill(options.lines)
        began = time.monotonic()
        command = [sys.executable, "manage.py", "move_to", target.url, "--json"]
        moved = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
        seconds = time.monotonic() - began
        rows = json.loads(moved.stdout)["rows"]
        megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        said = f"{rows:,} rows, {options.lines:,} of them lines, in {seconds:.0f} s"
        print(f"{said} with {megabytes:.0f} MB of memory.")


def _fill(lines: int) -> None:
    from django.core.management import call_command
    from django.db import connection

    from teams.models import Team

    call_command("migrate", verbosity=0)
    teams = [Team.objects.create(name=f"Team {number}", slug=f"team-{number}") for number in range(TEAMS)]
    texts = list(Lines(1).speak(ENGLISH, min(TEXTS, lines)))
    # Nothing is indexed, as the move builds the search anew.
    add_lines(teams, max(1, lines // LINES_PER_RUN), lines, texts, indexed=False)
    connection.close()


if __name__ == "__main__":
    main()
