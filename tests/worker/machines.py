"""Six machines in network namespaces of their own: two web servers and four workers, joined by a bridge.

    make check-machines

The database, Redis and CAMB.AI stand at the bridge. Each machine has its own network, process numbers and folder,
so two workers can have the same process number, as in containers. It takes minutes and needs root, so pytest does
not collect it by itself.
"""

import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import requests

from demo.server import Call, StandIn
from results.media.copy_storage import NOT_SHARED, OTHER_FOLDER
from tests.waiting import DEADLINE_S, until
from tests.worker.installation import FIELD_KEY, KEY, PASSWORD, READY, ROOT, Database, new_database
from tests.worker.tab import Tab

pytestmark = pytest.mark.skipif("BRIDGE" not in os.environ, reason="make check-machines has the namespaces")

BRIDGE = os.environ.get(
    "BRIDGE", ""
)  # an address such as 10.77.0.1, of a bridge of the same name as in BRIDGE_NAME
ROLES = {"web1": "web", "web2": "web", "worker1": "worker,beat", "worker2": "worker,beat"} | {
    "worker3": "worker",
    "worker4": "worker",
}
OWNER = "anna@example.org"
FIRST_RUN = 1000
START_S = 600  # six machines share this one's cores, and one after the other finds the database migrated
FREE_WITHIN_S = 10  # what docs/operations.md promises of a killed worker's runs


def run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=DEADLINE_S)


class Machine:
    """A network, process numbers and a folder of its own. `kill` is what a power cut is."""

    def __init__(self, name: str, number: int, folder: Path, env: dict[str, str]) -> None:
        self.name, self.folder = name, folder / name
        self.folder.mkdir(mode=0o700)
        self.address, self.camb = f"{BRIDGE.rpartition('.')[0]}.{10 + number}", f"camb{number}"
        self.home = f"http://{self.address}:8000"
        self.log = self.folder / "log"
        hosts = self.folder / "hosts"
        # Each machine knows CAMB.AI by a name of its own, which tells the stand-in who asks.
        hosts.write_text(f"127.0.0.1 localhost\n{BRIDGE} {self.camb}.invalid\n")
        self.env = env | {
            "CAMB_BASE_URL": env["CAMB_BASE_URL"].replace(BRIDGE, f"{self.camb}.invalid"),
            "DUBROOM_DATA_DIR": str(self.folder / "data"),
            "HOST": self.address,
            "ALLOWED_HOSTS": self.address,
        }
        # The first process of the namespaces: when it is killed, all others are too, and the namespaces are gone.
        self._outside = subprocess.Popen(
            ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sleep", "infinity"]
        )
        children = Path(f"/proc/{self._outside.pid}/task/{self._outside.pid}/children")
        self._inside = int(until(lambda: children.read_text().split())[0])
        inner = str(self._inside)
        run("ip", "link", "add", f"m{number}", "type", "veth", "peer", "name", "eth0", "netns", inner)
        run("ip", "link", "set", f"m{number}", "master", os.environ["BRIDGE_NAME"], "up")
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "address", "add", f"{self.address}/24", "dev", "eth0")
        self.run("ip", "link", "set", "eth0", "up")
        self.run("mount", "--bind", str(hosts), "/etc/hosts")

    def command(self, *command: str) -> list[str]:
        inside = ["nsenter", f"--target={self._inside}", "--net", "--mount", "--pid"]
        return [*inside, "env", f"--chdir={ROOT}", *command]

    def run(self, *command: str) -> None:
        run(*self.command(*command))

    def start(self) -> None:
        command = self.command(sys.executable, "manage.py", "start", "--only", ROLES[self.name])
        with self.log.open("ab") as log:
            self._started = subprocess.Popen(command, env=self.env, stdout=log, stderr=log)

    def manage(self, *arguments: str, stdin: str = "", **env: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.command(sys.executable, "manage.py", *arguments), env=self.env | env, input=stdin,
            capture_output=True, text=True, check=False, timeout=DEADLINE_S,
        )  # fmt: skip

    def is_up(self) -> bool:
        with suppress(requests.ConnectionError):
            return requests.get(f"{self.home}/health/alive/", timeout=DEADLINE_S).status_code == 200
        return False

    def kill(self) -> None:
        self._outside.kill()  # --kill-child: its first process inside goes with it, and the kernel kills the rest
        self._outside.wait(DEADLINE_S)


class Company:
    """The machines, the database and the stand-in CAMB.AI between them."""

    def __init__(self, machines: dict[str, Machine], database: Database, camb: StandIn) -> None:
        self.machines, self.column, self.execute, self.camb = machines, database.column, database.execute, camb
        self.workers = [machine for name, machine in machines.items() if name.startswith("worker")]

    def calls(self) -> list[Call]:
        """Return the calls about the team's runs. A key is tested with the number of a run that no one added."""
        return [call for call in self.camb.calls if call.run_ids and min(call.run_ids) >= FIRST_RUN]

    def asked_by(self) -> Counter[str]:
        """Return how many calls each machine made, by its name for CAMB.AI."""
        return Counter(call.headers["Host"].partition(".")[0] for call in self.calls())

    def asked_ids(self) -> Counter[int]:
        return Counter(run_id for call in self.calls() for run_id in call.run_ids)

    def add_runs(self, first: int, number: int) -> list[int]:
        ids = list(range(first, first + number))
        added = self.workers[0].manage("add_runs", "--team=team", "-", stdin=" ".join(map(str, ids)))
        assert added.returncode == 0, added.stderr
        return ids

    def await_ready(self, ids: list[int]) -> None:
        numbers = ", ".join(map(str, ids))
        query = f"SELECT count(*) FROM results_run WHERE status = 'ready' AND camb_run_id IN ({numbers})"
        until(lambda: self.column(query) == [len(ids)], START_S)


@pytest.fixture(scope="module")
def company(tmp_path_factory) -> Iterator[Company]:
    """All six machines, started at once on an empty database, and a team whose owner is OWNER."""
    folder = tmp_path_factory.mktemp("machines")
    with ExitStack() as stack:
        camb = stack.enter_context(StandIn(BRIDGE, keys=[KEY]))
        camb.unknown = READY
        database = stack.enter_context(new_database(folder))
        env = os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "DATABASE_URL": database.url,
            "CAMB_BASE_URL": camb.base_url,
            "SECRET_KEY": "the same on every machine, and only for this test",
            "FIELD_KEYS": FIELD_KEY,
            "PORT": "8000",
            "WORKER_THREADS": "4",
            "MEDIA_STORAGE_SHARED": "False",  # the tests' own settings share it
        }
        machines = {}
        for number, name in enumerate(ROLES):
            machines[name] = Machine(name, number, folder, env)
            stack.callback(machines[name].kill)
        for machine in machines.values():
            machine.start()
        until(lambda: machines["web1"].is_up() and machines["web2"].is_up(), START_S)
        company = Company(machines, database, camb)
        created = company.workers[0].manage(
            "create_team", f"--owner={OWNER}", "--password-stdin", "--name=Team", "--camb-key-env=KEY",
            stdin=PASSWORD, KEY=KEY,
        )  # fmt: skip
        assert created.returncode == 0, created.stderr
        yield company
        for machine in machines.values():
            print(machine.name, machine.log.read_text())


def test_all_machines_start_at_once_on_an_empty_database_and_each_worker_is_seen(company):
    until(lambda: company.column("SELECT count(DISTINCT id) FROM results_workerheartbeat") == [4], START_S)
    for web in ("web1", "web2"):
        health = requests.get(f"{company.machines[web].home}/health/", timeout=DEADLINE_S)
        assert (health.status_code, health.json()["worker"]) == (200, "heard")


def test_runs_refreshed_by_any_worker_show_on_both_web_servers(company):
    first, second = (Tab(company.machines[web].home) for web in ("web1", "web2"))
    assert first.sign_in(OWNER).status_code == 200
    session = Tab(company.machines["web2"].home, first._browser.cookies.get_dict())  # behind one proxy
    assert "/t/team/runs/" in session.get("/").url
    second.sign_in(OWNER)
    company.camb.latency = 0.5
    ids: list[int] = []
    # Each worker takes what it can: runs are added until all four have asked.
    while len(company.asked_by()) < len(company.workers):
        assert len(ids) < 1000, company.asked_by()
        ids += company.add_runs(FIRST_RUN + len(ids), 50)
        company.await_ready(ids)
    company.camb.latency = 0
    # No two machines asked about the same run.
    twice = [run_id for run_id, number in company.asked_ids().items() if number > 1]
    calls = [call for call in company.calls() if set(call.run_ids) & set(twice)]
    assert not twice, [(call.headers["Host"], call.at, call.status, call.run_ids) for call in calls]
    assert set(company.asked_ids()) == set(ids)
    for tab in (first, second):
        assert re.search(
            rf"<strong>{len(ids)}</strong> of {len(ids)} ready|{len(ids)} ready", tab.read("/t/team/runs/")
        )
        assert len(set(re.findall(r'href="(/runs/\d+/)"', tab.read("/t/team/runs/")))) >= 50


def test_copies_are_refused_without_shared_storage(company):
    tab = Tab(company.machines["web1"].home)
    tab.sign_in(OWNER)
    page = tab.post("/t/team/team/media/", is_on="on", most_gb="5")
    assert (page.status_code, "This server is not set up to keep copies." in page.text) == (422, True)
    web1, worker1 = company.machines["web1"], company.workers[0]
    assert NOT_SHARED in web1.manage("doctor").stdout
    # Declared to be shared, while each machine has a folder of its own: the first one's counts.
    folders = {machine: str(machine.folder / "media") for machine in (web1, worker1)}
    for machine, folder in folders.items():
        Path(folder).mkdir()
        said = machine.manage("doctor", MEDIA_STORAGE_SHARED="True", MEDIA_STORAGE_URL=f"file://{folder}").stdout
        sentence = OTHER_FOLDER.format(folder=folder, file=".dubroom-storage")
        assert (NOT_SHARED in said, sentence in said) == (False, machine is worker1), said


def test_the_runs_of_a_killed_machine_are_asked_about_again_within_ten_seconds(company):
    company.camb.latency = 60
    company.camb.calls.clear()
    company.add_runs(5000, 60)
    holders = "SELECT leased_by::text FROM results_run WHERE lease IS NOT NULL AND leased_by IS NOT NULL"
    until(lambda: len(set(company.column(holders))) >= 2 and len(company.asked_by()) >= 2)
    victim = next(machine for machine in company.workers if machine.camb in company.asked_by())
    calls = company.calls()
    its_runs = {
        run_id for call in calls for run_id in call.run_ids if call.headers["Host"].startswith(f"{victim.camb}.")
    }
    victim.kill()
    killed_at = time.monotonic()
    company.camb.latency = 0

    def asked_again() -> set[int]:
        return {run_id for call in company.camb.calls for run_id in call.run_ids or () if call.at > killed_at}

    until(lambda: its_runs <= asked_again())
    took = time.monotonic() - killed_at
    print(f"{len(its_runs)} runs of {victim.name} are asked about again after {took:.1f} s")
    assert took < FREE_WITHIN_S
    company.await_ready(sorted(its_runs))
    others = {run_id for call in calls for run_id in call.run_ids} - its_runs
    assert not others & asked_again()  # those of living machines were left to them
