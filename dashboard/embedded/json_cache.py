"""The cache in a folder or in Redis, with JSON in place of Django's pickles.

Reading a pickle runs what it says. Who can write to the folder or to Redis would run code in the web server; with
JSON, such a writer can only plant a value. Anything else than JSON counts as no entry.
"""

import json
import time
from pathlib import Path
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.filebased import FileBasedCache
from django.core.cache.backends.redis import RedisCache

MALFORMED = (ValueError, TypeError, RecursionError)


class JsonFileCache(FileBasedCache):
    """A folder with a file for each entry: its end as a time or null, a line break, its value."""

    cache_suffix = ".json"  # files of earlier releases, which hold pickles, are never opened

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        try:
            with open(self._key_to_file(key, version), "rb") as file:  # type: ignore[attr-defined]  # a private name
                return default if self._is_expired(file) else json.load(file)
        except (FileNotFoundError, *MALFORMED):
            return default

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
        """Read the end of the entry, and remove the entry if that is past or unreadable."""
        try:
            end = json.loads(file.readline())
            is_expired = end is not None and end < time.time()
        except MALFORMED:
            is_expired = True
        if is_expired:
            Path(file.name).unlink(missing_ok=True)
        return is_expired


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
