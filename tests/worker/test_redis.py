"""Does Dubroom go on while Redis takes nothing more, and after it has forgotten everything?"""

import shutil
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from django.conf import settings
from redis import Redis

from tests.waiting import until
from tests.worker.installation import PEOPLE, free_port, redis_server
from tests.worker.tab import Tab, open_signed_in_tab
from tests.worker.test_faults import Gate, leases

pytestmark = [
    pytest.mark.worker,
    pytest.mark.skipif(not settings.BROKER_URL.startswith("redis"), reason="nobody asks Redis for anything"),
    pytest.mark.skipif(not shutil.which("redis-server"), reason="needs a Redis that may be broken"),
]


class Broken(NamedTuple):
    redis: Redis
    env: dict[str, str]

    def take_nothing(self) -> None:
        self.redis.config_set("maxmemory", 1)

    def forget_everything(self) -> None:
        self.redis.flushall()
        self.redis.config_set("maxmemory", 0)


@pytest.fixture
def broken(tmp_path) -> Iterator[Broken]:
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"
    with redis_server(tmp_path, port), Redis.from_url(url) as redis:
        yield Broken(redis, {"BROKER_URL": url, "CACHE_URL": url})


def test_workers_and_beat_outlive_a_redis_that_takes_nothing(tmp_path, installation, camb, broken):
    gate, log = Gate(camb), tmp_path / "log"
    installation.make_due(40)
    env = broken.env | {"WORKER_THREADS": "1"}
    with installation.process("worker", log, **env) as worker, installation.process("beat", **env) as beat:
        # More are claimed and rung for than one thread can ask about.
        until(lambda: gate.held and len(leases(installation)) == 8)
        broken.take_nothing()
        gate.open()
        until(lambda: "The broker takes nothing" in log.read_text())
        with installation.process("worker", tmp_path / "late", **env) as late:
            until(lambda: "The broker takes nothing" in (tmp_path / "late").read_text())
            broken.forget_everything()
            installation.end_leases()
            until(lambda: installation.statuses() == ["ready"] * 40)
            assert [process.poll() for process in (worker, late, beat)] == [None] * 3
    assert "Traceback" not in log.read_text()
    assert installation.column("SELECT count(*) FROM results_cue") == [40]


def test_who_is_signed_in_stays_so_whatever_redis_takes_or_forgets(installation, broken):
    anna, ben = PEOPLE
    [pk] = installation.column("SELECT id FROM results_run WHERE camb_run_id = 7")
    with installation.web(**broken.env) as home:
        tab = open_signed_in_tab(home, anna)
        broken.take_nothing()
        assert "Run 7" in tab.read(f"/runs/{pk}/")
        assert tab.post(f"/runs/{pk}/refresh/").status_code == 200
        # Nobody may guess passwords uncounted.
        refused = Tab(home).sign_in(ben)
        assert (refused.status_code, "Back in a moment" in refused.text) == (503, True)
        assert tab.get("/health/").status_code == 200
        broken.forget_everything()
        assert "Run 7" in tab.read(f"/runs/{pk}/")
        open_signed_in_tab(home, ben)
    assert installation.column(f"SELECT due_at IS NOT NULL AND lease IS NULL FROM results_run WHERE id = {pk}") == [
        True
    ]
