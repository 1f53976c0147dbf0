"""An object storage for tests: it has no paths on this machine, and returns signed addresses."""

from typing import ClassVar
from urllib.parse import urlencode

from django.core.files.base import ContentFile
from django.core.files.storage import Storage


class Bucket(Storage):
    """A storage with the interface of django-storages' S3; all buckets hold the same files."""

    files: ClassVar[dict[str, bytes]] = {}

    def _save(self, name, content):
        self.files[name] = b"".join(content.chunks())
        return name

    def _open(self, name, mode="rb"):
        return ContentFile(self.files[name])

    def exists(self, name):
        return name in self.files

    def size(self, name):
        return len(self.files[name])

    def delete(self, name):
        self.files.pop(name, None)

    def url(self, name, parameters=None):
        return f"https://bucket.example/{name}?{urlencode(parameters)}"
