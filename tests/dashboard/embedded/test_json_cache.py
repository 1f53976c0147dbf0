"""Caches, messages and sessions hold JSON: a pickle that someone plants there is never run."""

import os
import pickle
import shutil
import subprocess
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core import signing
from django.utils import timezone
from kombu.exceptions import ContentDisallowed
from kombu.message import Message
from redis import Redis

from dashboard.celery import app
from dashboard.embedded.json_cache import JsonFileCache, JsonRedisCache
from tests.waiting import until

VALUES = [0, 41, True, None, "ü", 1.5, [1700000000.25, 2], {"a": [None, "b"]}]


class Planted:
    """Leaves a file behind once it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


@pytest.fixture
def mark(tmp_path) -> Iterator[Path]:
    """The folder that appears when a planted pickle has run; the test fails if it does."""
    mark = tmp_path / "it has run"
    yield mark
    assert not mark.exists()


@pytest.fixture
def payload(mark) -> bytes:
    return pickle.dumps(Planted(mark))


@pytest.fixture(scope="module")
def redis_socket(tmp_path_factory) -> Iterator[str]:
    if not shutil.which("redis-server"):
        pytest.skip("Redis is not installed")
    socket = tmp_path_factory.mktemp("redis") / "s"
    command = ["redis-server", "--port", "0", "--unixsocket", str(socket), "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        until(socket.exists)
        yield f"unix://{socket}"
        server.terminate()


@pytest.fixture(params=["file", "redis"])
def cache(request, tmp_path) -> Any:
    if request.param == "file":
        return JsonFileCache(str(tmp_path / "cache"), {})
    return JsonRedisCache(request.getfixturevalue("redis_socket"), {"VERSION": 2})


def plant(cache: Any, key: str, payload: bytes) -> None:
    """Put the payload where the cache looks for this key."""
    if isinstance(cache, JsonFileCache):
        cache.set(key, 1)
        Path(cache._key_to_file(key)).write_bytes(payload)  # type: ignore[attr-defined]
    else:
        Redis.from_url(cache._servers[0]).set(cache.make_and_validate_key(key), payload)


def test_a_planted_pickle_is_no_entry(cache, payload):
    in_djangos_format = pickle.dumps(None) + zlib.compress(payload)
    for content in (payload, in_djangos_format, b"null\n" + payload, b"[" * 100_000):
        plant(cache, "history", content)
        assert cache.get("history", "none") == "none"
        cache.set("history", [1])
        assert cache.get("history") == [1]


@pytest.mark.parametrize("value", VALUES)
def test_a_value_comes_back_as_it_was_set(cache, value):
    missing = object()
    assert cache.get("key", missing) is missing or cache.delete("key")
    cache.set("key", value, 60)
    assert cache.get("key", missing) == value
    assert not cache.add("key", "other", 60)
    assert cache.touch("key", 120)
    assert cache.get("key", missing) == value


def test_entries_end_and_are_counted_up(cache):
    cache.set("count", 1, 60)
    assert (cache.incr("count"), cache.get("count")) == (2, 2)
    cache.set("count", 1, -1)
    assert (cache.get("count"), cache.add("count", 5, None), cache.get("count")) == (None, True, 5)
    assert cache.touch("count", -1)
    assert cache.get("count") is None
    assert not cache.touch("nowhere")


def test_what_is_no_json_is_refused_when_it_is_set(cache):
    with pytest.raises(TypeError):
        cache.set("key", object())


@pytest.mark.parametrize("content_type", ["application/x-python-serialize", "application/x-yaml"])
def test_a_worker_refuses_a_message_that_is_not_json(payload, content_type):
    message = Message(
        body=payload, content_type=content_type, content_encoding="binary", accept=app.conf.accept_content
    )
    with pytest.raises(ContentDisallowed):
        message.decode()
    assert (app.conf.task_serializer, app.conf.result_serializer) == ("json", "json")


@pytest.mark.django_db
def test_a_pickle_in_a_session_is_no_session(payload):
    class Pickles(signing.JSONSerializer):
        def dumps(self, obj: object) -> bytes:
            return payload

    assert django_settings.SESSION_SERIALIZER == "django.contrib.sessions.serializers.JSONSerializer"
    store = SessionStore()
    data = signing.dumps({}, salt=store.key_salt, serializer=Pickles, compress=True)
    Session.objects.create(session_key="planted", session_data=data, expire_date=timezone.now() + timedelta(days=1))
    assert SessionStore("planted").load() == {}


def test_of_many_at_once_one_adds_the_entry(tmp_path):
    cache, together = JsonFileCache(str(tmp_path), {}), Barrier(20)

    def add(_number: int) -> bool:
        together.wait()
        return cache.add("a", 1)

    with ThreadPoolExecutor(20) as threads:
        for _round in range(3):
            assert sum(threads.map(add, range(20))) == 1
            cache.delete("a")


def test_of_many_at_once_each_is_counted(cache):
    together = Barrier(20)

    def count(_number: int) -> int:
        together.wait()
        cache.add("a", 0, timeout=60)
        return cache.incr("a")

    with ThreadPoolExecutor(20) as threads:
        assert sorted(threads.map(count, range(20))) == list(range(1, 21))
    assert cache.get("a") == 20


def test_a_number_that_is_counted_up_keeps_its_end(tmp_path):
    cache = JsonFileCache(str(tmp_path), {})
    cache.set("a", 1, timeout=60)
    [file] = tmp_path.glob("*.json")
    end = float(file.read_text().split()[0])
    assert cache.incr("a", 4) == 5
    assert float(file.read_text().split()[0]) == pytest.approx(end, abs=1)
    for gone in ("b", "c"):
        cache.set("c", 1, timeout=-1)
        with pytest.raises(ValueError, match="There is no number"):
            cache.incr(gone)


def test_an_expired_entry_is_added_anew_and_goes_when_it_is_read(tmp_path):
    cache = JsonFileCache(str(tmp_path), {})
    cache.set("a", 1, timeout=-1)
    cache.set("b", 1, timeout=-1)
    assert (cache.add("a", 2), cache.get("a")) == (True, 2)
    assert (cache.get("b"), len(list(tmp_path.glob("*.json")))) == (None, 1)
