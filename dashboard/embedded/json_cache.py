"""The cache in a folder or in Redis, with JSON in place of Django's pickles.

Reading a pickle runs what it says. Who can write to the folder or to Redis would run code in the web server; with
JSON, such a writer can only plant a value. Anything else than JSON counts as no entry.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.filebased import FileBasedCache
from django.core.cache.backends.redis import RedisCache
from django.core.files import locks

MALFORMED = (ValueError, TypeError, RecursionError)


class JsonFileCache(FileBasedCache):
    """A folder with a file for each entry: its end as a time or null, a line break, its value."""

    cache_suffix = ".json"  # files of earlier releases, which hold pickles, are never opened

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        try:
            with open(self._key_to_file(key, version), "rb") as file:  # type: ignore[attr-defined]  # a private name
                if not self._is_expired(file):
                    return json.load(file)
        except (FileNotFoundError, *MALFORMED):
            return default
        with self._changing():
            # Another process may have put a new value there by now.
            if not self.has_key(key, version):
                self.delete(key, version)
        return default

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Set the value unless there is one, and return whether it was set: of many at once, one sets it.

        allauth counts failed log-ins under a lock that is such an entry.
        """
        with self._changing():
            if self.has_key(key, version):
                return False
            super().set(key, value, timeout, version)
            return True

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        with self._changing():
            super().set(key, value, timeout, version)

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        """Add to a number and return it, as Redis does: none of many at once is lost, and its end stays."""
        with self._changing():
            try:
                file = Path(self._key_to_file(key, version))  # type: ignore[attr-defined]
                end, value = file.read_text().split("\n", 1)
                left, number = json.loads(end) - time.time(), int(value) + delta
                if left <= 0:
                    raise FileNotFoundError
            except (FileNotFoundError, *MALFORMED) as error:
                raise ValueError(f"There is no number that ends under {key!r}.") from error
            super().set(key, number, left, version)
            return number

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Let one thread of one process at a time decide what a change depends on, and change it."""
        self._createdir()  # type: ignore[attr-defined]
        with open(Path(self._dir) / "lock", "wb") as lock:  # type: ignore[attr-defined]
            locks.lock(lock, locks.LOCK_EX)
            yield  # closing the file releases the lock

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        missing = object()
        value = self.get(key, missing, version)
        if value is missing:
            return False
        self.set(key, value, timeout, version)
        return True

    def _write_content(self, file: Any, timeout: Any, value: Any) -> None:
        end = self.get_backend_timeout(timeout)
        file.write(f"{json.dumps(end)}\n{json.dumps(value)}".encode())

    def _is_expired(self, file: Any) -> bool:
        """Read the end of the entry, and return whether that is past or unreadable."""
        try:
            end = json.loads(file.readline())
        except MALFORMED:
            return True
        return bool(end is not None and end < time.time())


class JsonSerializer:
    """What Django's Redis client calls to store a value. A whole number stays one, for Redis to count up."""

    def dumps(self, value: Any) -> int | bytes:
        return value if type(value) is int else json.dumps(value).encode()

    def loads(self, data: bytes) -> Any:
        return json.loads(data)


class JsonRedisCache(RedisCache):
    """Django's cache in Redis, with JSON."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        options = params.get("OPTIONS", {}) | {"serializer": JsonSerializer}
        super().__init__(server, params | {"OPTIONS": options})

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        try:
            return super().get(key, default, version)
        except MALFORMED:
            return default
