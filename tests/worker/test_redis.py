"""Tests that Dubroom works on while Redis refuses writes, and after Redis has lost all its data."""

import shutil
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from django.conf import settings
from redis import Redis

from tests.waiting import until
from tests.worker.installation import PEOPLE, free_port, redis_server
from tests.worker.tab import Tab, open_signed_in_tab
from tests.worker.test_faults import HeldAnswers

pytestmark = [
    pytest.mark.worker,
    pytest.mark.skipif(not settings.BROKER_URL.startswith("redis"), reason="the broker is not Redis"),
    pytest.mark.skipif(not shutil.which("redis-server"), reason="needs a Redis that may be broken"),
]


class BreakableRedis(NamedTuple):
    """A Redis server that a test can break, and the settings that use it as broker and cache."""

    redis: Redis
    env: dict[str, str]

    def refuse_writes(self) -> None:
        self.redis.config_set("maxmemory", 1)

    def lose_everything(self) -> None:
        self.redis.flushall()
        self.redis.config_set("maxmemory", 0)


@pytest.fixture
def breakable(tmp_path) -> Iterator[BreakableRedis]:
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"
    with redis_server(tmp_path, port), Redis.from_url(url) as redis:
        yield BreakableRedis(redis, {"BROKER_URL": url, "CACHE_URL": url})


def test_workers_and_beat_survive_a_redis_that_refuses_writes(tmp_path, installation, camb, breakable):
    answers, log = HeldAnswers(camb), tmp_path / "log"
    installation.make_due(40)
    env = breakable.env | {"WORKER_THREADS": "1"}
    with installation.process("worker", log, **env) as worker, installation.process("beat", **env) as beat:
        until(lambda: answers.held)
        breakable.refuse_writes()
        answers.release()
        until(lambda: "The broker accepts nothing" in log.read_text())
        with installation.process("worker", tmp_path / "late", **env) as late:
            until(lambda: "The broker accepts nothing" in (tmp_path / "late").read_text())
            breakable.lose_everything()
            until(lambda: installation.statuses() == ["ready"] * 40)
            assert [process.poll() for process in (worker, late, beat)] == [None] * 3
    assert "Traceback" not in log.read_text()
    assert installation.column("SELECT count(*) FROM results_cue") == [40]


def test_sessions_survive_a_redis_that_refuses_writes_or_loses_its_data(installation, breakable):
    anna, ben = PEOPLE
    [pk] = installation.column("SELECT id FROM results_run WHERE camb_run_id = 7")
    with installation.web(**breakable.env) as home:
        tab = open_signed_in_tab(home, anna)
        breakable.refuse_writes()
        assert "Run 7" in tab.read(f"/runs/{pk}/")
        assert tab.post(f"/runs/{pk}/refresh/").status_code == 200
        # Without a count of attempts no login is allowed, so that passwords cannot be guessed.
        refused = Tab(home).sign_in(ben)
        assert (refused.status_code, "If it happens again, tell the administrator" in refused.text) == (503, True)
        assert tab.get("/health/").status_code == 200
        breakable.lose_everything()
        assert "Run 7" in tab.read(f"/runs/{pk}/")
        open_signed_in_tab(home, ben)
    assert installation.column(f"SELECT due_at IS NOT NULL AND lease IS NULL FROM results_run WHERE id = {pk}") == [
        True
    ]
